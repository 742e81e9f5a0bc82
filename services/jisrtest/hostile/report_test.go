package hostile_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
)

const (
	// period is how long the good agency is measured, without and under attack.
	period = 3 * time.Second
	// hands is how many connections, or calls where calls are made, an attack has at work at once.
	hands = 4
	many  = 256

	attackName, attackAddr, attackDir = "JISR_ATTACK", "JISR_ATTACK_ADDRESS", "JISR_ATTACK_FOLDER"
)

// attack goes on until ctx ends.
type attack struct {
	name string
	run  func(ctx context.Context, x *exchange)
}

// attacks are the floods, on four connections that are opened again whenever
// they are cut, and what is no flood of frames.
func attacks() []attack {
	all := []attack{{"none", func(context.Context, *exchange) {}}}
	for _, f := range floods {
		all = append(all, attack{f.name, func(ctx context.Context, x *exchange) {
			again(ctx, hands, func() {
				p, err := x.dial()
				if err != nil {
					return
				}
				defer p.conn.Close()
				if f.begin != nil && f.begin(p) != nil {
					return
				}
				p.until(ctx, func() error { return f.step(p) })
			})
		}})
	}
	fields := field(requestCase, nil)
	return append(all,
		attack{"bodies of empty submessages", bodies(slices.Repeat(fields, 120_000))},
		attack{"bodies of 4000 submessages", bodies(slices.Repeat(field(requestCase, field(caseCore, nil)), 2000))},
		attack{"bodies that stop", func(ctx context.Context, x *exchange) {
			hold(ctx, x, func(p *peer) {
				id, err := p.open(createCase)
				if err == nil && p.framer.WriteData(id, false, message(make([]byte, 250<<10))[:60<<10]) == nil {
					_ = p.out.Flush() // a connection that was cut is opened again
				}
			})
		}},
		attack{"answers not taken", func(ctx context.Context, x *exchange) {
			hold(ctx, x, func(p *peer) { _, _ = p.send(listAgencies, nil) }, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		}},
		attack{"connections", func(ctx context.Context, x *exchange) {
			again(ctx, 16, func() {
				if p, err := x.dial(); err == nil {
					_, _ = p.send(whoAmI, nil)
					p.conn.Close()
				}
			})
		}},
		attack{"handshakes that stop", func(ctx context.Context, x *exchange) {
			var open []net.Conn
			again(ctx, 1, func() {
				conn, err := net.Dial("tcp", x.addr)
				if err != nil {
					return
				}
				if open = append(open, conn); len(open) > 1000 {
					open[0].Close()
					open = open[1:]
				}
			})
		}},
		attack{"lists", calls(func(ctx context.Context, c *jisrtest.Client, matter string) {
			_, _ = c.ListVictims(ctx, jisrv1.ListVictimsRequest_builder{Parent: matter, PageSize: 100}.Build())
		})},
		attack{"writes", calls(func(ctx context.Context, c *jisrtest.Client, matter string) {
			_, _ = c.CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: matter, Victim: long()}.Build())
		})},
		attack{"reads", calls(func(ctx context.Context, c *jisrtest.Client, matter string) {
			_, _ = c.GetCase(ctx, jisrv1.GetCaseRequest_builder{Name: matter}.Build())
		})},
		attack{"reflection on one stream", func(ctx context.Context, x *exchange) {
			c := x.client(evil)
			again(ctx, hands, func() {
				s, err := grpc_reflection_v1.NewServerReflectionClient(c.Conn).ServerReflectionInfo(ctx)
				if err != nil {
					return
				}
				ask := &grpc_reflection_v1.ServerReflectionRequest{MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "jisr.v1.CaseService"}}
				for s.Send(ask) == nil {
					if _, err := s.Recv(); err != nil {
						return
					}
				}
			})
		}},
	)
}

// again repeats what on n goroutines until ctx ends.
func again(ctx context.Context, n int, what func()) {
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for ctx.Err() == nil {
				what()
			}
		})
	}
	all.Wait()
}

// bodies sends one body again and again.
func bodies(body []byte) func(context.Context, *exchange) {
	return func(ctx context.Context, x *exchange) {
		again(ctx, hands, func() {
			p, err := x.dial()
			if err != nil {
				return
			}
			defer p.conn.Close()
			p.until(ctx, func() error {
				_, err := p.send(createCase, body)
				p.forget()
				return err
			})
		})
	}
}

// hold opens as many connections as there may be, with as many calls as there
// may be, and keeps them.
func hold(ctx context.Context, x *exchange, call func(*peer), settings ...http2.Setting) {
	again(ctx, 2*hands, func() {
		p, err := x.dial(settings...)
		if err != nil {
			return
		}
		defer p.conn.Close()
		for range 60 {
			call(p)
		}
		select {
		case <-p.gone:
		case <-ctx.Done():
		}
	})
}

// calls makes calls on a case of the attacker's, many at once.
func calls(call func(ctx context.Context, c *jisrtest.Client, matter string)) func(context.Context, *exchange) {
	return func(ctx context.Context, x *exchange) {
		clients := make([]*jisrtest.Client, hands)
		for i := range clients {
			clients[i] = x.client(evil)
		}
		matter, err := clients[0].CreateCase(ctx, jisrv1.CreateCaseRequest_builder{Case: jisrv1.Case_builder{
			CrimeType: jisrv1.Case_CRIME_TYPE_TRAFFICKING_IN_PERSONS, Governorate: "IQG15",
			AdministeringAuthority: jisrv1.Jurisdiction_JURISDICTION_KURDISTAN_REGION,
		}.Build()}.Build())
		x.must(err)
		for range 100 {
			_, err := clients[0].CreateVictim(ctx, jisrv1.CreateVictimRequest_builder{Parent: matter.GetName(), Victim: long()}.Build())
			x.must(err)
		}
		var all sync.WaitGroup
		for _, c := range clients {
			all.Go(func() { again(ctx, many/hands, func() { call(ctx, c, matter.GetName()) }) })
		}
		all.Wait()
	}
}

// long is a victim of whom much is told.
func long() *jisrv1.Victim {
	v := jisrtest.Person(0)
	v.GetRisk().SetAssessment(strings.Repeat("long ", 700))
	return v
}

// TestAttackerProcess is an attack in a process of its own, which the benchmark starts.
func TestAttackerProcess(t *testing.T) {
	name := os.Getenv(attackName)
	if name == "" {
		return // a test run, not an attack
	}
	x := connected(t, os.Getenv(attackAddr), os.Getenv(attackDir))
	for _, a := range attacks() {
		if a.name == name {
			a.run(context.Background(), x) // until it is killed
		}
	}
}

// BenchmarkTheAgencyBesideAnAttack measures the good agency's calls without and
// then under each attack, in one run against one server.
func BenchmarkTheAgencyBesideAnAttack(b *testing.B) {
	for _, a := range attacks() {
		b.Run(strings.ReplaceAll(a.name, " ", "_"), func(b *testing.B) {
			for b.Loop() {
				x := start(b, "")
				w := x.settle()
				wait := func() { <-time.After(period) }
				w.during(wait) // warms up
				alone := w.during(wait)
				process := x.attack(b, a.name)
				busy := x.busy()
				beside := w.during(wait)
				busy = x.busy() - busy
				_ = process.Process.Kill() // what it says besides has no meaning
				_ = process.Wait()
				_, peak := x.memory()
				b.ReportMetric(ms(alone, 99), "p99-alone-ms")
				b.ReportMetric(ms(beside, 99), "p99-beside-ms")
				b.ReportMetric(ms(beside, 99)/ms(alone, 99), "p99-ratio")
				b.ReportMetric(ms(beside, 50)/ms(alone, 50), "p50-ratio")
				b.ReportMetric(float64(len(beside))/period.Seconds(), "calls/s")
				b.ReportMetric(busy.Seconds()/period.Seconds(), "server-cores")
				b.ReportMetric(float64(peak>>20), "MiB-peak")
				b.ReportMetric(float64(len(w.errs)), "failed")
				b.ReportMetric(0, "ns/op")
				if peak > most {
					b.Errorf("the server held %d MiB", peak>>20)
				}
				for _, err := range w.errs {
					b.Errorf("the agency beside the attack was refused: %v", err)
				}
			}
		})
	}
}

// attack starts an attack's process. It is polite to the processor, which it
// would have to itself on a machine of its own; what it makes the server do is not.
func (x *exchange) attack(b *testing.B, name string) *exec.Cmd {
	b.Helper()
	process := exec.Command("nice", "-n", "10", os.Args[0], "-test.run", "^TestAttackerProcess$")
	process.Env = append(os.Environ(), attackName+"="+name, attackAddr+"="+x.addr, attackDir+"="+x.dir)
	process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	x.must(process.Start())
	return process
}

// busy is how long the server has kept a processor busy.
func (x *exchange) busy() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", x.process.Cmd.Process.Pid))
	x.must(err)
	_, after, _ := strings.Cut(string(text), ") ")
	var ticks time.Duration
	for _, field := range strings.Fields(after)[11:13] { // utime and stime, proc_pid_stat(5)
		n, err := strconv.Atoi(field)
		x.must(err)
		ticks += time.Duration(n)
	}
	return ticks * 10 * time.Millisecond
}

// ms is a percentile in milliseconds.
func ms(took []time.Duration, percent int) float64 {
	slices.Sort(took)
	return took[(len(took)-1)*percent/100].Seconds() * 1000
}
