package report

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"

	"recourse/audit"
	"recourse/query"
	"recourse/revert"
)

// EvidenceFormat is what the first line of a file of evidence says it is.
const EvidenceFormat = "recourse-evidence/1"

// An EvidenceHead is the first line: what was asked, by whom it was answered, and what
// stands for the store then.
type EvidenceHead struct {
	Evidence string        `json:"evidence"` // EvidenceFormat
	Tool     string        `json:"tool"`
	Query    string        `json:"query"`
	Made     *audit.Time   `json:"made"`
	MadeISO  *string       `json:"made_iso"`
	Store    EvidenceStore `json:"store"`
}

// An EvidenceStore is a checkpoint of the store: the first of its changes, and the
// digest of the chain through their blocks.
type EvidenceStore struct {
	Changes audit.Seq `json:"changes"`
	Digest  string    `json:"digest"` // hex; empty where Changes is 0
	Last    audit.Seq `json:"last"`   // the newest that was stored; 0: of before this was said
}

// An EvidenceSeal is the last line: the digest of all lines before, and who vouches
// for it.
type EvidenceSeal struct {
	Lines     int    `json:"lines"`
	Changes   int    `json:"changes"`
	Digest    string `json:"digest"`              // hex
	Key       string `json:"key,omitempty"`       // the public key of who signed it
	Signature string `json:"signature,omitempty"` // in base64
}

// signed is what is signed of a seal.
func (s *EvidenceSeal) signed() []byte {
	return fmt.Appendf(nil, "%s\n%d\n%d\n%s\n", EvidenceFormat, s.Lines, s.Changes, s.Digest)
}

// A lineChain is a digest of lines: SHA-256 of that of those before (of nothing but
// zeros for the first) and of the SHA-256 of the line without its end.
type lineChain struct {
	sum   [sha256.Size]byte
	lines int
}

func (c *lineChain) add(line []byte) {
	var both [2 * sha256.Size]byte
	one := sha256.Sum256(line)
	copy(both[:], c.sum[:])
	copy(both[sha256.Size:], one[:])
	c.sum = sha256.Sum256(both[:])
	c.lines++
}

// An EvidenceWriter writes a file of evidence: a head, a line for each change as
// NDJSON has it, the summary of the search, and a seal.
type EvidenceWriter struct {
	to       io.Writer
	document bool // one JSON document whose "lines" they are
	chain    lineChain
	changes  int
	p        *Printer
}

// NewEvidence writes to w; as a document, {"lines":[…]}, or else as NDJSON.
func NewEvidence(w io.Writer, document bool) *EvidenceWriter {
	e := &EvidenceWriter{to: w, document: document}
	e.p = New(e, Options{Format: NDJSON})
	return e
}

// Write takes whole lines.
func (e *EvidenceWriter) Write(lines []byte) (int, error) {
	var out bytes.Buffer
	for line := range bytes.Lines(lines) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		switch {
		case e.document && e.chain.lines == 0:
			out.WriteString("{\"lines\":[\n")
		case e.document:
			out.WriteString(",\n")
		}
		e.chain.add(line)
		out.Write(line)
		if !e.document {
			out.WriteByte('\n')
		}
	}
	if _, err := e.to.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(lines), nil
}

// Head writes the first line.
func (e *EvidenceWriter) Head(h EvidenceHead) error {
	h.Evidence = EvidenceFormat
	return writeJSON(e, h, "")
}

// Changes writes some of the changes.
func (e *EvidenceWriter) Changes(changes []audit.Change) error {
	e.changes += len(changes)
	return e.p.ChangeLines(changes)
}

// End writes the summary and the seal, signed if there is a key.
func (e *EvidenceWriter) End(s query.Summary, key ed25519.PrivateKey) (EvidenceSeal, error) {
	if err := e.p.SummaryLine(s); err != nil {
		return EvidenceSeal{}, err
	}
	seal := EvidenceSeal{Lines: e.chain.lines, Changes: e.changes, Digest: hex.EncodeToString(e.chain.sum[:])}
	if key != nil {
		seal.Key = revert.PublicKey(key.Public().(ed25519.PublicKey))
		seal.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(key, seal.signed()))
	}
	err := writeJSON(e, map[string]EvidenceSeal{"seal": seal}, "")
	if err == nil && e.document {
		_, err = io.WriteString(e.to, "\n]}\n")
	}
	return seal, err
}

// EvidenceLine is the line of a change.
func EvidenceLine(c *audit.Change) ([]byte, error) {
	line, err := New(io.Discard, Options{Format: NDJSON}).appendLine(nil, c)
	return bytes.TrimSuffix(line, []byte("\n")), err
}
