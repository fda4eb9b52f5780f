package report

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"recourse/audit"
	"recourse/revert"
)

// mostEvidenceLine is how many bytes a line of a file of evidence may have.
const mostEvidenceLine = 256 << 20

// An EvidenceCheck is what a file of evidence was found to be.
type EvidenceCheck struct {
	Head     EvidenceHead
	Seal     EvidenceSeal
	Changes  int
	Complete bool // the log was read whole where the query looks
	Problems []string
	Left     int // problems beside those

	chain lineChain
	ended bool // the seal was read
	said  bool // the summary was
}

// MostProblems is how many are told one by one.
const MostProblems = 100

// Problem notes what is wrong.
func (e *EvidenceCheck) Problem(format string, args ...any) {
	if len(e.Problems) == MostProblems {
		e.Left++
		return
	}
	e.Problems = append(e.Problems, fmt.Sprintf(format, args...))
}

// Whole says that nothing is wrong.
func (e *EvidenceCheck) Whole() bool { return len(e.Problems) == 0 }

// Signed says whether the seal is signed, and by whom.
func (e *EvidenceCheck) Signed() (key string, ok bool) { return e.Seal.Key, e.Seal.Signature != "" }

// An EvidenceChange is what a line says of a change, as far as its id depends on it.
type EvidenceChange struct {
	Seq      audit.Seq      `json:"seq"`
	ID       audit.ChangeID `json:"id"`
	Cluster  string         `json:"cluster"`
	Database string         `json:"database"`
	Table    string         `json:"table"`
	Key      audit.ID       `json:"key"`
	Time     *float64       `json:"time"`
	Op       audit.Op       `json:"op"`
	Nth      int            `json:"nth"`
}

// identify is the id that the change must have.
func (c *EvidenceChange) identify() audit.ChangeID {
	of := audit.Change{Cluster: c.Cluster, Key: audit.Key{Table: audit.Table{Database: c.Database, Name: c.Table}, ID: c.Key}, Op: c.Op, Nth: c.Nth}
	if c.Time != nil {
		of.Time = audit.Time(*c.Time)
	}
	return of.Identify()
}

// lossy says that the id cannot be worked out: what is no UTF-8 does not come back from
// JSON, nor does a time that is no number.
func (c *EvidenceChange) lossy() bool {
	return c.Time == nil || strings.ContainsRune(c.Cluster+c.Database+c.Table+string(c.Key), utf8.RuneError)
}

// CheckEvidence reads a file of evidence, NDJSON or a document, and says what is wrong
// with it; each is told of every change, with its line. An error is that it cannot be
// read.
func CheckEvidence(r io.Reader, each func(c *EvidenceChange, line []byte) error) (*EvidenceCheck, error) {
	e := &EvidenceCheck{}
	err := evidenceLines(r, func(line []byte) error { return e.line(line, each) })
	if err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	switch {
	case e.chain.lines == 0:
		return nil, errors.New("read evidence: there is nothing in it")
	case !e.ended:
		e.Problem("it breaks off: there is no seal")
	case e.Seal.Lines != e.chain.lines || e.Seal.Changes != e.Changes:
		e.Problem("it has %d lines and %d changes, and was sealed with %d and %d", e.chain.lines, e.Changes, e.Seal.Lines, e.Seal.Changes)
	}
	if e.ended && e.Seal.Digest != hex.EncodeToString(e.chain.sum[:]) {
		e.Problem("it is not what was sealed: its digest is %x", e.chain.sum)
	}
	if e.ended && !e.said {
		e.Problem("there is no summary")
	}
	if e.Seal.Signature != "" || e.Seal.Key != "" {
		if err := e.Seal.signature(); err != nil {
			e.Problem("the signature: %v", err)
		}
	}
	return e, nil
}

// signature checks that the key has signed the seal.
func (s *EvidenceSeal) signature() error {
	key, err := revert.ParsePublicKey(s.Key)
	if err != nil {
		return err
	}
	sig, err := base64.StdEncoding.Strict().DecodeString(s.Signature)
	if err != nil || !ed25519.Verify(key, s.signed(), sig) {
		return fmt.Errorf("it is not by %s", s.Key)
	}
	return nil
}

// line takes the next line.
func (e *EvidenceCheck) line(line []byte, each func(*EvidenceChange, []byte) error) error {
	n := e.chain.lines + 1
	var what struct {
		Evidence string        `json:"evidence"`
		Seal     *EvidenceSeal `json:"seal"`
		Summary  *struct {
			Coverage struct {
				Complete bool `json:"complete"`
			} `json:"coverage"`
		} `json:"summary"`
		Seq audit.Seq `json:"seq"`
	}
	if isChangeLine(line) { // most are; change reads it
		what.Seq = 1
	} else if err := json.Unmarshal(line, &what); err != nil {
		return fmt.Errorf("line %d: %w", n, err)
	}
	switch {
	case e.ended:
		e.Problem("line %d: it stands behind the seal", n)
		return nil
	case n == 1:
		if what.Evidence != EvidenceFormat {
			return fmt.Errorf("it begins with no head of %s", EvidenceFormat)
		}
		if err := json.Unmarshal(line, &e.Head); err != nil {
			return fmt.Errorf("line 1: %w", err)
		}
	case what.Seal != nil:
		e.Seal, e.ended = *what.Seal, true
		return e.sealLine(n, line) // it is not of what it seals
	case e.said:
		e.Problem("line %d: it stands behind the summary", n)
	case what.Summary != nil:
		e.said, e.Complete = true, what.Summary.Coverage.Complete
	case what.Seq == 0:
		e.Problem("line %d: it is nothing that evidence has", n)
	default:
		if err := e.change(n, line, each); err != nil {
			return err
		}
	}
	e.chain.add(line)
	return nil
}

// isChangeLine says that a line begins as that of a change does.
func isChangeLine(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte(`{"seq":`))
	return ok && len(rest) > 0 && rest[0] >= '1' && rest[0] <= '9'
}

// sealLine notes what the seal's line has beside the seal: no digest is of that.
func (e *EvidenceCheck) sealLine(n int, line []byte) error {
	var own bytes.Buffer
	if err := writeJSON(&own, map[string]EvidenceSeal{"seal": e.Seal}, ""); err != nil {
		return err
	}
	if !bytes.Equal(bytes.TrimSuffix(own.Bytes(), []byte("\n")), line) {
		e.Problem("line %d: it says more than the seal does, or otherwise than it is written", n)
	}
	return nil
}

func (e *EvidenceCheck) change(n int, line []byte, each func(*EvidenceChange, []byte) error) error {
	e.Changes++
	var c EvidenceChange
	if err := json.Unmarshal(line, &c); err != nil {
		e.Problem("line %d: %v", n, err)
		return nil
	}
	if !c.lossy() && c.identify() != c.ID {
		e.Problem("line %d: change %d is not the one that its id says", n, c.Seq)
	}
	return each(&c, line)
}

// evidenceLines hands over the lines of a file, each compact, as it was written.
func evidenceLines(r io.Reader, each func([]byte) error) error {
	limited := &perLine{from: r}
	in := bufio.NewReader(limited)
	start, _ := in.Peek(256)
	name, document := bytes.CutPrefix(bytes.TrimLeft(start, " \t\r\n"), []byte("{"))
	document = document && bytes.HasPrefix(bytes.TrimLeft(name, " \t\r\n"), []byte(`"lines"`))
	d := json.NewDecoder(in)
	if document {
		for range 3 { // {"lines":[
			if _, err := d.Token(); err != nil {
				return err
			}
		}
	}
	for !document || d.More() {
		var raw json.RawMessage
		err := d.Decode(&raw)
		if err == io.EOF && !document {
			return nil
		}
		if err != nil {
			return err
		}
		limited.n = 0
		var line bytes.Buffer
		if err := json.Compact(&line, raw); err != nil {
			return err
		}
		if err := each(line.Bytes()); err != nil {
			return err
		}
	}
	for range 2 { // ]}
		if _, err := d.Token(); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something stands behind the document")
	}
	return nil
}

// A perLine ends what has no end.
type perLine struct {
	from io.Reader
	n    int
}

func (p *perLine) Read(b []byte) (int, error) {
	if p.n > mostEvidenceLine {
		return 0, fmt.Errorf("a line of more than %d bytes", mostEvidenceLine)
	}
	n, err := p.from.Read(b)
	p.n += n
	return n, err
}
