package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"halftone/pipeline"
)

func (a *app) serveCommand() *cobra.Command {
	var public, operator string
	c := &cobra.Command{
		Use: "serve", Short: "run the schedule and serve the public folder", Args: none,
		Long: "Runs the line at every occurrence of the schedule in halftone.yaml, and serves the public folder. What a crash interrupts\n" +
			"is gone on with at the next start, without a second charge.",
		RunE: func(c *cobra.Command, _ []string) error {
			ls, _, err := a.lines()
			if err != nil {
				return err
			}
			return a.serve(c.Context(), ls, public, operator)
		},
	}
	c.Flags().StringVar(&public, "public", ":8080", "address of the public listener")
	c.Flags().StringVar(&operator, "operator", "127.0.0.1:8480", "address of the operator's listener: /healthz")
	return c
}

func (a *app) serve(ctx context.Context, ls []pipeline.Line, public, operator string) error {
	// 1. What can fail, before anything runs.
	ds, err := a.daemons(ls)
	if err != nil {
		return err
	}
	site, err := newSite(ls[0].Public)
	if err != nil {
		return err
	}
	defer func() { _ = site.close() }()
	health := http.NewServeMux()
	health.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		for _, d := range ds {
			if err := d.Health(); err != nil {
				http.Error(w, "the schedule has stopped", http.StatusServiceUnavailable)
				return
			}
		}
		_, _ = fmt.Fprintln(w, "ok")
	})
	var servers []*http.Server
	failed := make(chan error, 3)
	for _, s := range []struct {
		name, addr string
		h          http.Handler
	}{{"public folder", public, site}, {"operator", operator, health}} {
		ln, err := net.Listen("tcp", s.addr)
		if err != nil {
			return errors.Join(usage("the %s cannot be served on %s: %w", s.name, s.addr, err), shutdown(servers))
		}
		srv := &http.Server{Handler: s.h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10}
		servers = append(servers, srv)
		a.print("%-14s http://%s/\n", s.name, ln.Addr())
		go func() { failed <- srv.Serve(ln) }()
	}
	for _, d := range ds {
		if o, ok := d.Next(); ok {
			a.print("next run       %s %s   %s\n", o.At.Format("2006-01-02 15:04"), d.Zone(), d.Dataset())
		}
	}
	// 2. The schedule, until somebody stops it.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(ds))
	for _, d := range ds {
		go func() { ended <- d.Run(ctx) }()
	}
	left := len(ds)
	select {
	case err = <-failed:
		err = unlessStopped(err)
	case err = <-ended:
		err = unlessStopped(err)
		left--
	}
	cancel()
	for range left {
		err = errors.Join(err, unlessStopped(<-ended))
	}
	return errors.Join(err, shutdown(servers))
}

// unlessStopped drops what ends because somebody has stopped it.
func unlessStopped(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// daemons are those of the datasets that have a schedule: one alone must have one.
func (a *app) daemons(ls []pipeline.Line) (out []*pipeline.Daemon, err error) {
	for _, l := range ls {
		if len(ls) > 1 && l.Dataset.Schedule == nil {
			continue
		}
		if a.debug {
			l.Watch = a.progress().event
		}
		d, err := pipeline.NewDaemon(l, func(format string, args ...any) {
			a.note("%s UTC  %s: %s", a.clock.Now().UTC().Format("2006-01-02 15:04:05"), l.Dataset.Name, fmt.Sprintf(format, args...))
		})
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	if len(out) == 0 {
		return nil, usage("no dataset of this instance has a schedule; give one `schedule: {cron: …, timezone: …}`, or run by hand: halftone run")
	}
	pipeline.Together(out)
	return out, nil
}

func shutdown(servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var errs []error
	for _, s := range servers {
		errs = append(errs, s.Shutdown(ctx))
	}
	return errors.Join(errs...)
}
