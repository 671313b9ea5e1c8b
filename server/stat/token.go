package stat

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// LoadToken returns the secret by which a Prometheus on another machine proves
// that it may read. It is made at the first start, in a file of its own that
// only this user can read, and stays: deleting the file makes a new one.
func LoadToken(dataDir string) (string, error) {
	path := filepath.Join(dataDir, "metrics.token")
	raw, err := os.ReadFile(path)
	token := strings.TrimSpace(string(raw))
	switch {
	case err == nil && len(token) >= 16:
		return token, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("read the metrics token: %w", err)
	}
	token = rand.Text()
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep the metrics token: %w", err)
	}
	return token, nil
}
