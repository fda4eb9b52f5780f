package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"recourse/internal/harper"
)

// checkHarpers looks at each of the nodes that are named.
func (d *doctor) checkHarpers(ctx context.Context) {
	targets, rests, err := addresses(d.c, d.e, d.cfg)
	switch {
	case err != nil && len(d.c.StringSlice("target")) == 0:
		d.unknown("harper", "recourse doctor --target https://HOST:9925 --username NAME --password-file FILE", "no server is named, so none was looked at")
		return
	case err != nil:
		d.fail("harper", hintOf(err), "%s", cause(err))
		return
	}
	for i, target := range targets {
		d.server = server{}
		if len(targets) > 1 {
			d.node = nodeName(target)
		}
		o, err := harperOptions(d.c, d.e, d.cfg, target)
		if err != nil {
			d.fail("credentials", hintOf(err), "%s", cause(err))
			continue
		}
		if i < len(rests) {
			o.REST = rests[i]
		} else if len(rests) > 0 {
			o.REST = sameHost(rests[0], target)
		}
		d.checkHarper(ctx, o)
	}
	d.node = ""
}

// checkHarper looks at one server, as far as it lets itself be looked at.
func (d *doctor) checkHarper(ctx context.Context, o harper.Options) {
	client, err := newClient(d.e, o)
	if err != nil {
		d.fail("credentials", hintOf(err), "%s", cause(err))
		return
	}
	d.client, d.target = client, o
	d.checkTLS()
	if !d.checkReach(ctx) {
		d.refused = true
		return
	}
	d.checkVersion(ctx)
	d.listTables(ctx)
	d.checkLog(ctx)
	d.checkRights()
	d.checkAudit(ctx)
	d.checkCluster(ctx)
	d.checkREST(ctx)
}

// checkTLS says whether the password can be read on its way.
func (d *doctor) checkTLS() {
	u, err := url.Parse(d.target.Target)
	switch {
	case err != nil || u.Scheme == "unix":
		d.ok("transport", "a socket of this machine")
	case u.Scheme == "https" && d.target.InsecureSkipVerify:
		d.warn("transport", "--ca-file FILE, with the certificate of the authority in place of --insecure-skip-verify", "TLS, but the server's certificate is not checked")
	case u.Scheme == "https":
		d.ok("transport", "TLS, and the server's certificate is checked")
	case isLoopback(u.Hostname()):
		d.ok("transport", "no TLS, within this machine")
	default:
		d.warn("transport", "--target https://"+u.Host+", with operationsApi.network.securePort in Harper's configuration", "no TLS: the password can be read on its way to %s", u.Host)
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// checkReach looks at whether the server answers, knows us, and what its clock
// says. False: the rest cannot be looked at.
func (d *doctor) checkReach(ctx context.Context) bool {
	name := nodeName(d.target.Target)
	c, err := d.sampleClock(ctx)
	switch {
	case errors.Is(err, harper.ErrUnauthorized):
		d.ok("reach", "%s answers", name)
		d.fail("credentials", hintOf(err), "%s", cause(err))
		return false
	case err != nil:
		d.fail("reach", hintOf(err), "%s", cause(err))
		return false
	}
	d.ok("reach", "%s answers in %s", name, c.trip.Round(time.Millisecond/10))
	if d.user, err = d.client.UserInfo(ctx); err != nil {
		d.fail("credentials", hintOf(err), "%s", cause(err))
		return false
	}
	if !d.user.Active {
		d.warn("credentials", "", "user %s is not marked active", d.user.Name)
	} else {
		d.ok("credentials", "signed in as %s, role %s", d.user.Name, d.user.Role)
	}
	d.judgeClock(c)
	return true
}

var versionNumbers = regexp.MustCompile(`^(\d+)\.(\d+)`)

// number is a version's first two numbers as one: 5.1 is 5001; 0: not known.
func number(version string) int {
	m := versionNumbers.FindStringSubmatch(version)
	if m == nil {
		return 0
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	return 1000*major + minor
}

func (d *doctor) checkVersion(ctx context.Context) {
	version, err := d.client.Version(ctx)
	if errors.Is(err, harper.ErrForbidden) {
		d.unknown("version", "", "Harper tells it to super users alone")
		return
	}
	if err != nil {
		d.unknown("version", "", "%s", cause(err))
		return
	}
	d.version = version
	switch n := number(version); {
	case n == 0:
		d.unknown("version", "", "%s: no number that is known", version)
	case n < 4004:
		d.warn("version", "upgrade Harper to 4.4 or later", "%s: before 4.4 the log has another form, of which much is not known here", version)
	case n > 5001:
		d.warn("version", "", "%s: newer than any that was tried (4.4 to 5.1)", version)
	default:
		d.ok("version", "%s", version)
	}
}

func (d *doctor) listTables(ctx context.Context) {
	tables, err := d.client.DescribeAll(ctx)
	if err != nil {
		d.fail("tables", hintOf(err), "%s", cause(err))
		return
	}
	d.tables = tables
	if len(tables) == 0 {
		d.warn("tables", d.recipe(), "this user sees no table: Harper lists those that a role may read, and only they are watched")
		return
	}
	d.ok("tables", "%d in sight", len(tables))
}

// checkLog reads the first entry of the log of the table that is likely to have
// one, which shows whether it may be read, and on which line the server is.
func (d *doctor) checkLog(ctx context.Context) {
	var best *harper.TableInfo
	for i := range d.tables {
		if t := &d.tables[i]; t.Audit && (best == nil || t.RecordCount > best.RecordCount) {
			best = t
		}
	}
	if best == nil {
		d.unknown("log", "", "there is no audited table in sight whose log could be read")
		return
	}
	var row harper.AuditRow
	var err error
	any := false
	for row, err = range d.client.AuditLog(ctx, harper.AuditQuery{Table: best.Table, PrimaryKey: best.PrimaryKey}) {
		any = err == nil
		break
	}
	var cut *harper.TruncatedError
	switch {
	case errors.As(err, &cut):
		d.warn("log", "recourse watch --once", "the log of %s begins with an entry that Harper cannot read: %s", best.Table, cause(err))
	case err != nil:
		fix := hintOf(err)
		if errors.Is(err, harper.ErrForbidden) {
			d.refused, fix = true, d.recipe()
		}
		d.fail("log", fix, "%s", cause(err))
	case !any:
		d.ok("log", "the log of %s can be read and is empty", best.Table)
	default:
		d.line = "lmdb"
		if row.IDsField {
			d.line = "rocksdb"
		}
		d.ok("log", "the log of %s can be read; it begins at %s and has the form of Harper on %s", best.Table, row.Time.ISO(), map[string]string{"lmdb": "LMDB", "rocksdb": "RocksDB"}[d.line])
	}
}

// checkCluster looks at the other nodes, as the server knows them.
func (d *doctor) checkCluster(ctx context.Context) {
	nodes, err := d.client.Nodes(ctx)
	if err != nil {
		d.unknown("cluster", "", "%s", cause(err))
		return
	}
	var names, down []string
	for _, n := range nodes {
		names = append(names, n.Name)
		if up, known := n.Connected(); known && !up {
			down = append(down, n.Name)
		}
	}
	switch {
	case len(nodes) < 2:
		d.ok("cluster", "the server is alone")
	case len(down) > 0:
		d.warn("cluster", "", "%d nodes, of which not connected: %s", len(nodes), few(down))
	default:
		d.ok("cluster", "%d nodes: %s", len(nodes), few(names))
	}
}

// feedVersion is that of the feed component which this program speaks with.
const feedVersion = "1"

// checkREST looks at the REST API, and at the feed component behind it.
func (d *doctor) checkREST(ctx context.Context) {
	if d.target.REST == "" {
		d.ok("rest", "not asked for: without --rest-target there are no server-sent events, no feed component and no attribute-wise writes")
		return
	}
	info, err := d.client.FeedInfo(ctx)
	var refused *harper.Error
	if err != nil && !errors.Is(err, harper.ErrNotFound) && !errors.As(err, &refused) {
		d.fail("rest", hintOf(err), "%s", cause(err))
		return
	}
	d.ok("rest", "%s answers", nodeName(d.target.REST))
	const install = "cp -r deploy/harper-component ROOT/components/recourse-feed, in Harper's root folder, and restart Harper"
	switch {
	case errors.Is(err, harper.ErrNotFound):
		d.ok("feed", "the component is not installed: counters and patches are known as far as the log shows them")
	case errors.Is(err, harper.ErrForbidden), errors.Is(err, harper.ErrUnauthorized):
		d.warn("feed", "give the reading user the role super_user, or watch without the component", "the component is installed and refuses user %s: it is for super users alone", d.user.Name)
	case err != nil:
		d.warn("feed", install, "%s", cause(err))
	case info.Version != feedVersion:
		d.warn("feed", install, "the component has version %s, want %s", info.Version, feedVersion)
	default:
		d.ok("feed", "the component is installed, version %s, on %s", info.Version, info.Engine)
	}
}

// curl is an operation as a command, for somebody with a super user's password,
// which it asks for.
func (d *doctor) curl(operation string) string {
	target := d.target.Target
	socket := ""
	if path, ok := strings.CutPrefix(target, "unix://"); ok {
		socket, target = " --unix-socket "+shellQuote(path), "http://localhost/"
	}
	return fmt.Sprintf("curl -u ADMIN%s -H 'Content-Type: application/json' -d %s %s", socket, shellQuote(operation), shellQuote(target))
}
