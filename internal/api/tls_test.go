package api

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTLSAndItsRenewal(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "c"), filepath.Join(dir, "k")
	first := writeCertificate(t, cert, key, "first")
	c, err := ReadCertificate(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := ReadTokens(tokenFile(t, "ann "+annsToken, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Addr: "0.0.0.0:0", AllowRemote: true, Tokens: tokens, Certificate: c, Ask: askFixed("{}"), State: constant(full())}
	s, stop := start(t, o)
	_, port, _ := net.SplitHostPort(s.Addr())
	ask := func(root *x509.Certificate) error {
		pool := x509.NewCertPool()
		pool.AddCert(root)
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}
		return (&Client{Base: "https://127.0.0.1:" + port, Token: annsToken, HTTP: &http.Client{Transport: transport}}).Get(t.Context(), "/v1/status", nil, new(any))
	}
	if err := ask(first); err != nil {
		t.Error(err)
	}
	second := writeCertificate(t, cert, key, "second")
	if err := ask(second); err != nil {
		t.Errorf("renewed: %v", err)
	}
	if err := ask(first); err == nil {
		t.Error("the certificate of before is still used")
	}
	if err := os.WriteFile(cert, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ask(second); err != nil {
		t.Errorf("a file that cannot be read: %v; want the certificate of before", err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	o.Certificate = nil
	if err := New(o).Listen(t.Context()); !errors.Is(err, errInTheClear) {
		t.Errorf("tokens in the clear: %v", err)
	}
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadCertificate(cert, key); err == nil || !strings.Contains(err.Error(), "others may read") {
		t.Errorf("a key that others may read: %v", err)
	}
}

// writeCertificate makes a certificate that signs itself.
func writeCertificate(t *testing.T, cert, key, name string) *x509.Certificate {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(name))), DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		rewrite(t, path, string(pem.EncodeToMemory(block))+fmt.Sprintln(name))
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
