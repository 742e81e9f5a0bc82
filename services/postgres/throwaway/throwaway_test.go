package throwaway

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func ask(t testing.TB, url, question string) (answer string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	must(t, err)
	defer conn.Close(ctx)
	must(t, conn.QueryRow(ctx, question).Scan(&answer))
	return answer
}

func TestEachDatabaseIsFreshAndGoneAfterItsTest(t *testing.T) {
	var first string
	t.Run("first", func(t *testing.T) {
		first = URL(t)
		must(t, run(first, "CREATE TABLE left_behind (a int)"))
		second := URL(t)
		if got := ask(t, second, "SELECT coalesce(to_regclass('left_behind')::text, 'nothing')"); got != "nothing" {
			t.Errorf("a fresh database holds %s", got)
		}
	})
	if conn, err := pgx.Connect(t.Context(), first); err == nil {
		conn.Close(t.Context())
		t.Error("the database of a test that ended is there")
	}
}

func TestACommitSurvivesTheKillOfItsServer(t *testing.T) {
	c := Durable(t)
	u := c.Database(t)
	must(t, run(u, "CREATE TABLE kept AS SELECT 'kept' AS word"))
	must(t, c.Kill())
	if conn, err := pgx.Connect(t.Context(), u); err == nil {
		conn.Close(t.Context())
		t.Fatal("a killed server answers")
	}
	must(t, c.Start())
	if got := ask(t, u, "SELECT word FROM kept"); got != "kept" {
		t.Errorf("the database holds %q", got)
	}
	must(t, c.Stop())
	must(t, c.Start())
	if got := ask(t, u, "SELECT word FROM kept"); got != "kept" {
		t.Errorf("after a stop the database holds %q", got)
	}
}

func TestAPausedServerAnswersWhenItGoesOn(t *testing.T) {
	c := Durable(t)
	conn, err := pgx.Connect(t.Context(), c.URL("postgres"))
	must(t, err)
	defer conn.Close(t.Context())
	must(t, c.Pause())
	answer := make(chan error, 1)
	go func() {
		_, err := conn.Exec(context.Background(), "SELECT true")
		answer <- err
	}()
	select {
	case err := <-answer:
		t.Errorf("a paused server answers: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	must(t, c.Resume())
	must(t, <-answer)
}

func TestAStandbyFollowsAndIsPromoted(t *testing.T) {
	c := Durable(t)
	s := c.Standby(t)
	must(t, c.Synchronous())
	u := c.Database(t)
	must(t, run(u, "CREATE TABLE kept AS SELECT 'kept' AS word"))
	must(t, c.Kill())
	if got := ask(t, s.URL("postgres"), "SELECT pg_is_in_recovery()::text"); got != "true" {
		t.Errorf("a standby is in recovery: %s", got)
	}
	must(t, s.Promote())
	if got := ask(t, strings.Replace(u, filepath.Base(c.dir), filepath.Base(s.dir), 1), "SELECT word FROM kept"); got != "kept" {
		t.Errorf("the promoted standby holds %q", got)
	}
}

func TestAServerThatWasLeftFollowsTheOneInItsPlaceAndForgetsWhatItAloneHad(t *testing.T) {
	c := Durable(t, Rewindable...)
	u := c.Database(t)
	s := c.Standby(t, Rewindable...)
	at := func(c *Cluster) string {
		return c.URL(strings.TrimPrefix(u[strings.LastIndex(u, "/"):strings.Index(u, "?")], "/"))
	}
	must(t, s.Promote())
	must(t, run(at(c), "CREATE TABLE alone AS SELECT 'alone' AS word"))
	must(t, run(at(s), "CREATE TABLE kept AS SELECT 'kept' AS word"))
	must(t, c.Kill())
	must(t, c.Demote(s))
	must(t, c.until("SELECT pg_is_in_recovery()"))
	const question = "SELECT concat_ws(' ', to_regclass('alone'), to_regclass('kept'))"
	if got := ask(t, at(c), question); got != "kept" {
		t.Errorf("it holds %q", got)
	}
}

func TestAServerThatEndedByItselfIsStartedAgain(t *testing.T) {
	c := Durable(t)
	if c.Ended() {
		t.Error("a server that runs has ended")
	}
	must(t, c.Recover()) // which changes nothing
	must(t, syscall.Kill(c.server.pid, syscall.SIGTERM))
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for end := time.After(limit); !c.Ended(); {
		select {
		case <-end:
			t.Fatal("the server does not end")
		case <-again.C:
		}
	}
	must(t, c.Recover())
	if got := ask(t, c.URL("postgres"), "SELECT 'here'"); got != "here" {
		t.Errorf("it answers %q", got)
	}
}

// child is where this test binary, run again, starts a server and waits to be killed.
const child = "JISR_THROWAWAY_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(child) == "" {
		os.Exit(m.Run())
	}
	c, err := Start()
	if err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
	os.Stdout.WriteString(c.dir + "\n")
	select {}
}

func TestAServerGoesWithTheProcessThatIsKilled(t *testing.T) {
	if _, err := programs(); err != nil {
		started(t, nil)
	}
	victim := exec.Command(os.Args[0])
	victim.Env = append(os.Environ(), child+"=1")
	told, err := victim.StdoutPipe()
	must(t, err)
	must(t, victim.Start())
	name := make([]byte, 200)
	n, err := told.Read(name)
	must(t, err)
	dir := strings.TrimSpace(string(name[:n]))
	pid := (&Cluster{dir: dir}).postmaster()
	if pid == 0 {
		t.Error("no server runs in the folder")
	}
	must(t, victim.Process.Kill())
	_ = victim.Wait() // killed
	gone := func() bool {
		_, err := os.Stat(dir)
		return os.IsNotExist(err) && !alive(pid)
	}
	end, again := time.After(limit), time.NewTicker(10*time.Millisecond)
	defer again.Stop()
	for !gone() {
		select {
		case <-end:
			t.Fatal("the server or its folder is still there")
		case <-again.C:
		}
	}
}

func TestWithoutPostgreSQLADeveloperSkipsAndTheRestFails(t *testing.T) {
	play := func(environment ...string) string {
		again := exec.Command(os.Args[0], "-test.run", "^TestACommitSurvives", "-test.v")
		again.Env = append(append(os.Environ(), "CI=", "JISR_REQUIRE_POSTGRES=", "JISR_POSTGRES_BIN=/nowhere", Elsewhere+"="), environment...)
		out, _ := again.CombinedOutput() // its outcome is in its words
		return string(out)
	}
	for said, environment := range map[string]string{"--- SKIP": "CI=", "--- FAIL": "CI=true", "--- FAIL: ": "JISR_REQUIRE_POSTGRES=1"} {
		if out := play(environment); !strings.Contains(out, said) || !strings.Contains(out, "apt-get install postgresql") {
			t.Errorf("with %s: %s", environment, out)
		}
	}
}

func TestWhatWasLeftBehindIsSweptUp(t *testing.T) {
	mine := Durable(t)
	other := Durable(t)
	// As if process and watch had been killed: nobody holds the lock, the server runs.
	must(t, other.lock.Close())
	pid := other.server.pid
	sweep()
	if alive(pid) {
		t.Error("a server that nobody holds runs on")
	}
	if _, err := os.Stat(other.dir); !os.IsNotExist(err) {
		t.Errorf("its folder is still there: %v", err)
	}
	if !alive(mine.server.pid) {
		t.Error("a server that is held was ended")
	}
	other.server = nil
	other.lock, _ = os.Open(os.DevNull) // what Remove closes
}
