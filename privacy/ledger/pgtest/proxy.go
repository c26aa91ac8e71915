package pgtest

import (
	"net"
	"strconv"
	"sync"
	"testing"
)

// A Proxy stands between a client and a server and breaks the connection at a
// message of the client's choice.
type Proxy struct {
	Server *Server
	ln     net.Listener
	mu     sync.Mutex
	left   int  // messages that go through before the break; < 0: no break
	lose   bool // break after the message has gone through, before its answer
	seen   int
	refuse bool
	open   map[net.Conn]bool
}

// Proxy starts one. It ends with the test.
func (s *Server) Proxy(t testing.TB) *Proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Server: s, ln: ln, left: -1, open: map[net.Conn]bool{}}
	t.Cleanup(func() { _ = ln.Close(); p.cut() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			p.serve(c)
		}
	}()
	return p
}

// DSN is a connection string by way of the proxy.
func (p *Proxy) DSN(database string) string {
	a := p.ln.Addr().(*net.TCPAddr)
	return "host=127.0.0.1 port=" + strconv.Itoa(a.Port) + " user=" + User + " dbname=" + database + " sslmode=disable"
}

// BreakAt lets n more writes of clients through and breaks the connection at the
// next: before it reaches the server, or after it has, with the answer lost. From then
// on nobody gets through, until Heal. n < 0 never breaks.
func (p *Proxy) BreakAt(n int, answerLost bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left, p.lose, p.seen = n, answerLost, 0
}

// Heal lets everybody through again, and says how many writes came since BreakAt.
func (p *Proxy) Heal() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left, p.refuse = -1, false
	return p.seen
}

func (p *Proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		_ = c.Close()
	}
	clear(p.open)
}

func (p *Proxy) serve(client net.Conn) {
	p.mu.Lock()
	refuse := p.refuse
	p.mu.Unlock()
	if refuse {
		_ = client.Close()
		return
	}
	server, err := net.Dial("unix", p.Server.Socket())
	if err != nil {
		_ = client.Close()
		return
	}
	p.mu.Lock()
	p.open[client], p.open[server] = true, true
	p.mu.Unlock()
	end := func() { _ = client.Close(); _ = server.Close() }
	// A lost answer is one that the server has given: it is read and dropped.
	drop := make(chan struct{})
	go func() {
		defer end()
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if err != nil {
				return
			}
			select {
			case <-drop:
				return
			default:
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := client.Read(buf)
			if err != nil {
				end()
				return
			}
			p.mu.Lock()
			now := p.left == 0
			if p.left > 0 {
				p.left--
			}
			p.seen++
			lose := p.lose
			if now {
				p.refuse = true
			}
			p.mu.Unlock()
			switch {
			case now && !lose:
				end()
				return
			case now:
				close(drop)
			}
			if _, err := server.Write(buf[:n]); err != nil {
				end()
				return
			}
			if now {
				return // the answer ends the connection
			}
		}
	}()
}
