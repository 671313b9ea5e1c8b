package doctor

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// holder says which program listens on a TCP port, as far as this user may know.
func (d *Doctor) holder(ctx context.Context, port string) string {
	switch d.OS {
	case "linux":
		return procHolder(d.Files, port)
	case "windows":
		return d.netstatHolder(ctx, port)
	case "darwin":
		out, _ := d.Commands.Run(ctx, "lsof", "-nP", "-iTCP:"+port, "-sTCP:LISTEN", "-Fpc") // 1 and no output: nobody of ours
		return lsofHolder(out)
	}
	return nobodyKnown
}

const nobodyKnown = "a program that this user may not see"

func program(name, pid string) string {
	return fmt.Sprintf("%s (process %s)", cmp.Or(clean(name), "a program"), pid)
}

// clean makes what a program calls itself fit for a sentence.
func clean(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.TrimSpace(name))
	return strings.ToValidUTF8(name[:min(len(name), 60)], "")
}

// procHolder finds the listening socket in /proc/net/tcp (proc(5)), whose line
// has its inode, and then the process that has a file descriptor of that inode.
func procHolder(root fs.FS, port string) string {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nobodyKnown
	}
	inode := cmp.Or(listeningInode(root, "proc/net/tcp", n), listeningInode(root, "proc/net/tcp6", n))
	if inode == "" {
		return nobodyKnown
	}
	want := "socket:[" + inode + "]"
	processes, _ := fs.ReadDir(root, "proc")
	for _, p := range processes {
		if _, err := strconv.Atoi(p.Name()); err != nil {
			continue
		}
		fds, _ := fs.ReadDir(root, "proc/"+p.Name()+"/fd") // another user's are closed to us
		for _, fd := range fds {
			if to, _ := fs.ReadLink(root, "proc/"+p.Name()+"/fd/"+fd.Name()); to == want {
				comm, _ := fs.ReadFile(root, "proc/"+p.Name()+"/comm")
				return program(string(comm), p.Name())
			}
		}
	}
	return nobodyKnown
}

// listeningInode returns the inode of the socket in state 0A (listening) whose
// local port it is.
func listeningInode(root fs.FS, table string, port uint64) string {
	f, err := root.Open(table)
	if err != nil {
		return ""
	}
	defer f.Close()
	suffix := fmt.Sprintf(":%04X", port)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if w := strings.Fields(lines.Text()); len(w) > 9 && strings.HasSuffix(w[1], suffix) && w[3] == "0A" {
			return w[9]
		}
	}
	return ""
}

// netstatHolder reads the process from netstat and its name from tasklist.
// Whether a line is a listener is told by its far end: the word for the state
// is in the language of the system.
func (d *Doctor) netstatHolder(ctx context.Context, port string) string {
	out, err := d.Commands.Run(ctx, "netstat", "-ano", "-p", "TCP")
	if err != nil {
		return nobodyKnown
	}
	pid := ""
	for line := range strings.Lines(out) {
		w := strings.Fields(line)
		if len(w) == 5 && w[0] == "TCP" && strings.HasSuffix(w[1], ":"+port) && strings.HasSuffix(w[2], ":0") {
			pid = w[4]
		}
	}
	if pid == "" {
		return nobodyKnown
	}
	out, _ = d.Commands.Run(ctx, "tasklist", "/FI", "PID eq "+pid, "/FO", "CSV", "/NH")
	row, err := csv.NewReader(strings.NewReader(out)).Read()
	if err != nil || len(row) < 2 || row[1] != pid {
		return program("", pid)
	}
	return program(row[0], pid)
}

// lsofHolder reads lsof's -F output: p1234, cnginx, one field a line.
func lsofHolder(out string) string {
	var pid, name string
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "p") && pid == "":
			pid = line[1:]
		case strings.HasPrefix(line, "c") && name == "":
			name = line[1:]
		}
	}
	if pid == "" {
		return nobodyKnown
	}
	return program(name, pid)
}
