package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

var ufwEnabled = regexp.MustCompile(`(?m)^ENABLED=yes\s*$`)

// ufw is Ubuntu's. Only root may ask it, but whether it is on stands in a file
// that everybody can read.
func (d *Doctor) ufw(ctx context.Context) manager {
	m := manager{name: "ufw", command: ufwCommand}
	out, err := d.Commands.Run(ctx, "ufw", "status")
	switch {
	case missing(err):
	case err == nil:
		m.on = strings.Contains(out, "Status: active")
	default:
		conf, _ := fs.ReadFile(d.Files, "etc/ufw/ufw.conf")
		m.on = ufwEnabled.Match(conf)
	}
	return m
}

func ufwCommand(all []opened) string {
	return eachProto(all, func(proto, ports string) string {
		return fmt.Sprintf("%sufw allow %s/%s", sudo(), ports, proto)
	})
}
