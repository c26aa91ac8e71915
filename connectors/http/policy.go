package http

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"halftone/connectors"
)

// policy says which hosts and addresses may be spoken to. A host is checked by
// name before each request and redirect, its address at each dial, since a name
// may resolve to anything.
type policy struct {
	listed []endpoint // `hosts`
	own    endpoint   // of the URL; permitted if nothing is listed, but not trusted like a listed one
}

// An endpoint is a host name or address, and a port or "" for any.
type endpoint struct{ host, port string }

func newPolicy(hosts []string, u *url.URL) (policy, error) {
	p := policy{own: endpointOf(u)}
	for _, h := range hosts {
		e, ok := parseEndpoint(h)
		if !ok {
			return p, &connectors.SettingError{Key: "hosts", What: "an entry is not a host, host:port or address", Do: "no scheme, path or *"}
		}
		p.listed = append(p.listed, e)
	}
	switch {
	case len(p.listed) > 0 && !p.lists(p.own):
		return p, &connectors.SettingError{Key: "hosts", What: "the URL's own host is not among them", Do: "add it"}
	case u.Scheme != "https" && !p.lists(p.own):
		return p, &connectors.SettingError{Key: "url", What: "it is not https", Do: "use https, or list the host in `hosts` if the way to it is safe"}
	}
	return p, nil
}

func endpointOf(u *url.URL) endpoint {
	port := u.Port()
	if port == "" && u.Scheme == "http" {
		port = "80"
	} else if port == "" {
		port = "443"
	}
	return endpoint{canonical(u.Hostname()), port}
}

func parseEndpoint(s string) (endpoint, bool) {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return endpoint{host: a.Unmap().WithZone("").String()}, true
	}
	host, port := s, ""
	if h, p, err := net.SplitHostPort(s); err == nil {
		if host, port = h, p; port == "" {
			return endpoint{}, false
		}
	}
	host = canonical(host)
	if host == "" || strings.ContainsAny(port, "/?#@*") || strings.ContainsAny(host, "/?#@*[] ") {
		return endpoint{}, false
	}
	return endpoint{host, port}, true
}

func canonical(host string) string {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().WithZone("").String()
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

func (p policy) lists(e endpoint) bool {
	for _, l := range p.listed {
		if l.host == e.host && (l.port == "" || l.port == e.port) {
			return true
		}
	}
	return false
}

// permits checks the target of a request or redirect by name.
func (p policy) permits(u *url.URL) error {
	e := endpointOf(u)
	switch listed := p.lists(e); {
	case listed && (u.Scheme == "https" || u.Scheme == "http"):
		return nil
	case u.Scheme != "https":
		return refuse("it leads to an address that is not https", "list the host in `hosts` if the way to it is safe")
	case len(p.listed) > 0 || e != p.own:
		return refuse("it leads to a host that is not listed", "see where it leads and add that to `hosts` if it is right")
	}
	return nil
}

func refuse(what, do string) error {
	return &connectors.SourceError{Reason: connectors.Refused, What: what, Do: do}
}

// dial checks the address that a name resolved to, right before connecting.
func (p policy) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	trusted := p.lists(endpoint{canonical(host), port})
	d := net.Dialer{Timeout: 30 * time.Second, Control: func(_, resolved string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(resolved)
		if err != nil {
			return err
		}
		a := to.Addr().Unmap().WithZone("")
		if a.IsUnspecified() || a.IsMulticast() || !public(a) && !trusted && !p.lists(endpoint{a.String(), port}) {
			return refuse("the host is at a loopback, private or reserved address", "list host or host:port in `hosts` if that is meant")
		}
		return nil
	}}
	return d.DialContext(ctx, network, address)
}

// reserved are the special-purpose blocks (IANA registries of RFC 6890) that
// netip does not know by name and through which one gets to other places than
// the internet.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/32"),
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("fec0::/10"),
}

var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// public says whether an address is one of the internet. The caller has
// unmapped it.
func public(a netip.Addr) bool {
	if nat64.Contains(a) {
		b := a.As16()
		return public(netip.AddrFrom4([4]byte(b[12:])))
	}
	if a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() {
		return false
	}
	for _, r := range reserved {
		if r.Contains(a) {
			return false
		}
	}
	return true
}

const redirects = 5

// redirect checks each hop and keeps what was meant for the first host from
// any other: our headers, and the first URL as Referer.
func (s *source) redirect(header http.Header) func(*http.Request, []*http.Request) error {
	return func(next *http.Request, before []*http.Request) error {
		if len(before) > redirects {
			return refuse("it leads from address to address without end", "open the URL in a browser and use the address where it ends")
		}
		if err := s.hosts.permits(next.URL); err != nil {
			return err
		}
		if next.URL.Scheme == "http" && before[len(before)-1].URL.Scheme == "https" {
			return refuse("it leads from https to http", "use an address that stays on https")
		}
		next.Header.Del("Referer")
		if endpointOf(next.URL) != s.hosts.own {
			for name := range header {
				next.Header.Del(name)
			}
		}
		return nil
	}
}
