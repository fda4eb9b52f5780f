package harper

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pemFile writes a certificate or a key.
func pemFile(t *testing.T, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "svc"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "svc"}}, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer(w, 200, object(t, map[string]any{"version": r.TLS.PeerCertificates[0].Subject.CommonName}))
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool()}
	s.TLS.ClientCAs.AddCert(cert)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	defer s.Close()
	ca := pemFile(t, "CERTIFICATE", s.Certificate().Raw)
	certFile, keyFile := pemFile(t, "CERTIFICATE", der), pemFile(t, "EC PRIVATE KEY", keyDER)
	hint := func(err error) string {
		var h interface{ Hint() string }
		if !errors.As(err, &h) {
			return fmt.Sprintf("none in %v", err)
		}
		return h.Hint()
	}
	for name, k := range map[string]struct {
		o    Options
		ok   bool
		hint string
	}{
		"all given":             {Options{CAFile: ca, CertFile: certFile, KeyFile: keyFile}, true, ""},
		"anything trusted":      {Options{InsecureSkipVerify: true, CertFile: certFile, KeyFile: keyFile}, true, ""},
		"no authority":          {Options{CertFile: certFile, KeyFile: keyFile}, false, "--ca-file"},
		"another authority":     {Options{CAFile: certFile, CertFile: certFile, KeyFile: keyFile}, false, "--ca-file"},
		"no client certificate": {Options{CAFile: ca}, false, ""},
	} {
		k.o.Target = s.URL
		v, err := client(t, k.o).Version(t.Context())
		if k.ok && (err != nil || v != "svc") || !k.ok && (!errors.Is(err, ErrUnreachable) || !strings.Contains(hint(err), k.hint)) {
			t.Errorf("%s: %q %v, hint %q", name, v, err, hint(err))
		}
	}
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	c := client(t, Options{Target: strings.Replace(plain.shown, "http:", "https:", 1)})
	if _, err := c.Version(t.Context()); !strings.Contains(hint(err), "does not speak TLS") {
		t.Errorf("TLS to a plain port: %v, hint %q", err, hint(err))
	}
	for name, o := range map[string]Options{
		"half a pair":    {CertFile: certFile},
		"no such file":   {CAFile: certFile + "-not"},
		"no certificate": {CAFile: keyFile},
	} {
		o.Target = s.URL
		if _, err := New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
