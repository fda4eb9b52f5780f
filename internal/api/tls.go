package api

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"sync"
)

// A Certificate is a server's, with its key, in files that are read again when
// they have changed: certificates are renewed while a daemon runs.
type Certificate struct {
	certFile, keyFile string

	mu     sync.Mutex
	stamps [2]fileStamp
	pair   *tls.Certificate
}

// ReadCertificate reads a certificate and its key, PEM both.
func ReadCertificate(certFile, keyFile string) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile}
	return c, c.refresh()
}

// refresh reads the files if they have changed. What cannot be read leaves what
// was read before.
func (c *Certificate) refresh() error {
	var stamps [2]fileStamp
	for i, path := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("read certificate: %w", err)
		}
		stamps[i] = fileStamp{info.Size(), info.ModTime()}
	}
	if stamps == c.stamps {
		return nil
	}
	info, err := os.Stat(c.keyFile)
	if err == nil && info.Mode().Perm()&othersMayRead != 0 {
		err = fmt.Errorf("others may read %s (mode %04o)", c.keyFile, info.Mode().Perm())
	}
	pair, err2 := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err := errors.Join(err, err2); err != nil {
		return fmt.Errorf("read certificate: %w", err)
	}
	c.pair, c.stamps = &pair, stamps
	return nil
}

func (s *Server) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			c := s.o.Certificate
			c.mu.Lock()
			defer c.mu.Unlock()
			if err := c.refresh(); err != nil {
				s.o.Log.Error("the certificate of before goes on being used", "err", err)
			}
			return c.pair, nil
		},
	}
}
