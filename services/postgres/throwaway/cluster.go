package throwaway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Cluster is a PostgreSQL server in a folder of its own, reached by a socket there.
type Cluster struct {
	bin, dir string
	place    string
	lock     *os.File // held as long as this process lives: the folder is nobody's leftover
	settings []string
	server   *server // nil while it does not run
}

// server is a run of a cluster, below a shell that watches over it.
type server struct {
	watch *exec.Cmd
	tell  io.WriteCloser
	pid   int
}

// common are the settings of every cluster. What is shared between its processes
// lies in its folder, so that nothing is left behind when they are killed.
var common = []string{"listen_addresses=", "shared_buffers=32MB", "dynamic_shared_memory_type=mmap", "lc_messages=C", "log_min_messages=log"}

// watch starts a server, tells its process id, and ends it and removes its folder
// when its own standard input ends: that is when the process which asked for the
// server is gone, however it went. Told to keep it, it waits for the server's end.
const watch = `
dir=$1
shift
"$@" >>"$dir/log" 2>&1 </dev/null &
pid=$!
echo "$pid"
exec >/dev/null 2>&1
if read -r word && [ "$word" = keep ]; then
	wait "$pid"
	exit 0
fi
kill -QUIT "$pid"
kill -CONT "$pid"
wait "$pid"
rm -rf "$dir"
`

// Start makes a cluster on the disk and starts its server, with further settings as
// name=value.
func Start(settings ...string) (*Cluster, error) { return start(disk, settings) }

func start(place string, settings []string) (*Cluster, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	sweep()
	c := &Cluster{bin: bin, place: place, settings: settings}
	if err := c.folder(); err != nil {
		return nil, err
	}
	if err := c.initialise(); err != nil {
		return nil, errors.Join(err, c.Remove())
	}
	if err := c.Start(); err != nil {
		return nil, errors.Join(err, c.Remove())
	}
	return c, nil
}

// initialise makes the data folder. Texts are sorted as people sort them unless
// a statement says otherwise, as on many a server: what rests on the order of
// bytes without saying so is to fail here.
func (c *Cluster) initialise() error {
	arguments := []string{"-D", c.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions", "--locale=C.UTF-8"}
	if err := c.program("initdb", append(arguments, "--locale-provider=icu", "--icu-locale=und")...); err != nil {
		if !strings.Contains(err.Error(), "ICU is not supported") {
			return err
		}
		if err := c.program("initdb", arguments...); err != nil {
			return err
		}
	}
	// Roles that tests make show their passwords, as they would have to.
	err := c.Put("data/pg_hba.conf", "local all,replication postgres trust\nlocal all all scram-sha-256\nhost all all 127.0.0.0/8 scram-sha-256\n")
	return errors.Join(err, c.configure())
}

// configure writes the settings where ALTER SYSTEM outranks them.
func (c *Cluster) configure() error {
	var text strings.Builder
	for _, s := range append(common[:len(common):len(common)], c.settings...) {
		name, value, _ := strings.Cut(s, "=")
		fmt.Fprintf(&text, "%s = %s\n", name, quoted(value))
	}
	return c.Put("data/postgresql.conf", text.String())
}

// quoted is a text as SQL and configuration files write it.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// URL names a database of the cluster, for its superuser.
func (c *Cluster) URL(database string) string {
	return "postgres://postgres@/" + database + "?host=" + url.QueryEscape(c.dir)
}

// Folder is where the cluster lies; user postgres can read what is put there.
func (c *Cluster) Folder() string { return c.dir }

// LogFolder is where its write-ahead log lies.
func (c *Cluster) LogFolder() string { return filepath.Join(c.data(), "pg_wal") }

// MoveLog moves the write-ahead log of a server that is stopped to a folder on
// another volume, as operators do.
func (c *Cluster) MoveLog(to string) error {
	if out, err := exec.Command("cp", "-a", c.LogFolder()+"/.", to).CombinedOutput(); err != nil {
		return fmt.Errorf("throwaway: move the log: %w\n%s", err, out)
	}
	return errors.Join(os.RemoveAll(c.LogFolder()), os.Symlink(to, c.LogFolder()))
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

// Start starts the server again and returns when it answers.
func (c *Cluster) Start() error {
	if c.server != nil {
		return errors.New("throwaway: the server runs already")
	}
	arguments := []string{"-c", watch, "watch", c.dir, filepath.Join(c.bin, "postgres"), "-D", c.data(), "-k", c.dir}
	w := exec.Command("/bin/sh", arguments...)
	w.Dir = c.dir
	w.SysProcAttr = attributes()
	tell, err := w.StdinPipe()
	if err != nil {
		return err
	}
	told, err := w.StdoutPipe()
	if err != nil {
		return err
	}
	if err := w.Start(); err != nil {
		return fmt.Errorf("throwaway: %w", err)
	}
	line, err := bufio.NewReader(told).ReadString('\n')
	s := &server{watch: w, tell: tell}
	if err == nil {
		s.pid, err = strconv.Atoi(strings.TrimSpace(line))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("throwaway: the server was not started: %w", err), tell.Close(), w.Wait())
	}
	c.server = s
	return c.until("SELECT true")
}

// Stop stops the server as an operator would: sessions end, nothing is lost.
func (c *Cluster) Stop() error {
	return c.end(func(pid int) error { return syscall.Kill(pid, syscall.SIGINT) })
}

// end ends the server by a signal and returns when it has ended; the folder stays.
func (c *Cluster) end(how func(pid int) error) error {
	s := c.server
	if s == nil {
		return errors.New("throwaway: the server does not run")
	}
	c.server = nil
	if _, err := io.WriteString(s.tell, "keep\n"); err != nil {
		return fmt.Errorf("throwaway: %w", err)
	}
	if err := how(s.pid); err != nil {
		return fmt.Errorf("throwaway: %w", err)
	}
	return errors.Join(s.watch.Wait(), c.forgetShared())
}

// Remove ends the server at once and removes the folder.
func (c *Cluster) Remove() error {
	var err error
	if c.server != nil {
		err = c.Kill()
	}
	return errors.Join(err, os.RemoveAll(c.dir), c.lock.Close())
}

// Set changes a setting of the running server.
func (c *Cluster) Set(name, value string) error {
	if err := run(c.URL("postgres"), "ALTER SYSTEM SET "+pgx.Identifier{name}.Sanitize()+" = "+quoted(value)); err != nil {
		return err
	}
	if err := run(c.URL("postgres"), "SELECT pg_reload_conf()"); err != nil {
		return err
	}
	return c.until("SELECT " + quoted(value) + " IN (setting, current_setting(name)) FROM pg_settings WHERE name = " + quoted(name))
}

// until returns when a question to the server is answered with true.
func (c *Cluster) until(question string) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		var yes bool
		conn, err := pgx.Connect(ctx, c.URL("postgres"))
		if err == nil {
			err = conn.QueryRow(ctx, question).Scan(&yes)
			conn.Close(ctx)
		}
		if yes && err == nil {
			return nil
		}
		if !alive(c.server.pid) {
			return fmt.Errorf("throwaway: the server ended:\n%s", c.Log())
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("throwaway: %s: not so after %s (%w):\n%s", question, limit, err, c.Log())
		case <-again.C:
		}
	}
}

// Log is what the server has logged.
func (c *Cluster) Log() string {
	text, err := os.ReadFile(filepath.Join(c.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Program is the path of one of PostgreSQL's programs, of the server's own version.
func (c *Cluster) Program(name string) string { return filepath.Join(c.bin, name) }

// program runs one of PostgreSQL's programs as who owns the cluster.
func (c *Cluster) program(name string, arguments ...string) error {
	p := exec.Command(c.Program(name), arguments...)
	p.Dir = c.dir
	p.Env = append(os.Environ(), "LC_ALL=C")
	p.SysProcAttr = attributes()
	if out, err := p.CombinedOutput(); err != nil {
		return fmt.Errorf("throwaway: %s: %w\n%s", name, err, out)
	}
	return nil
}
