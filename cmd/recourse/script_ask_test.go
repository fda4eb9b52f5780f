package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptAsk asks a daemon over HTTP: the one whose log names its address, with
// $TOKEN, or the one that has the data folder, over its socket.
func scriptAsk(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 3, "ask LOG|socket STATUS PATH")
	client, base := http.DefaultClient, ""
	if args[0] == "socket" {
		base = "http://localhost"
		socket := filepath.Join(ts.Getenv("RECOURSE_DATA"), socketName)
		client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}}}
	} else {
		log, err := os.ReadFile(ts.MkAbs(args[0]))
		ts.Check(err)
		addr := regexp.MustCompile(`msg=listening addr=(127\.0\.0\.1:\d+)`).FindSubmatch(log)
		if addr == nil {
			ts.Fatalf("%s names no address", args[0])
		}
		base = "http://" + string(addr[1])
	}
	req, err := http.NewRequest(http.MethodGet, base+args[2], nil)
	ts.Check(err)
	if token := ts.Getenv("TOKEN"); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	fmt.Fprintln(ts.Stdout(), strings.TrimRight(string(body), "\n"))
	if fmt.Sprint(resp.StatusCode) != args[1] {
		ts.Fatalf("status %d, want %s: %s", resp.StatusCode, args[1], body)
	}
}
