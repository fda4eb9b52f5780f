package harpertest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math"
	"strings"
)

// claims are a token's content, as Harper names them.
type claims struct {
	Username string `json:"username"`
	Issued   int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	Subject  string `json:"sub"` // operation or refresh
}

func (s *Server) token(name, subject string, seconds int64) string {
	now := int64(math.Floor(float64(s.now()) / 1000))
	body, _ := json.Marshal(claims{name, now, now + seconds, subject}) // cannot fail: plain fields
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(body)
	return text + "." + base64.RawURLEncoding.EncodeToString(s.sign(text))
}

func (s *Server) sign(text string) []byte {
	h := hmac.New(sha256.New, s.secret)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func (s *Server) bearer(token, subject string) (*User, *opError) {
	invalid := unauthorized("invalid token")
	i := strings.LastIndexByte(token, '.')
	if i < 0 {
		return nil, invalid
	}
	sig, err := base64.RawURLEncoding.DecodeString(token[i+1:])
	if err != nil || !hmac.Equal(sig, s.sign(token[:i])) {
		return nil, invalid
	}
	_, body, _ := strings.Cut(token[:i], ".")
	plain, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return nil, invalid
	}
	var c claims
	if json.Unmarshal(plain, &c) != nil || c.Subject != subject {
		return nil, invalid
	}
	if float64(s.now()) >= float64(c.Expires)*1000 {
		return nil, unauthorized("token expired")
	}
	u := s.user(c.Username)
	if u == nil {
		return nil, unauthorized("Login failed")
	}
	if u.Inactive {
		return nil, unauthorized("Cannot complete request: User is inactive")
	}
	return u, nil
}
