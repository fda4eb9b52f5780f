package playbook

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"recourse/query"
)

// An Asked question has its query with the params put in.
type Asked struct {
	Question
	Text string
}

// Fill puts values into the queries. What is given and no param, or not given and
// required, is an error, as is a value that is not of the param's kind.
func (p *Playbook) Fill(values map[string]string, now time.Time) ([]Asked, error) {
	put := map[string]string{}
	for _, a := range p.Params {
		v, given := values[a.Name]
		switch {
		case !given && a.Required:
			return nil, fmt.Errorf("playbook %s: %s is missing: write %s=…, %s", p.Name, a.Name, a.Name, a.About)
		case !given:
			v = a.Default
		}
		if v == "" {
			continue
		}
		text, err := a.put(v, now)
		if err != nil {
			return nil, fmt.Errorf("playbook %s: %s=%s: %w", p.Name, a.Name, v, err)
		}
		put[a.Name] = text
	}
	for name := range values {
		if !slices.ContainsFunc(p.Params, func(a Param) bool { return a.Name == name }) {
			return nil, fmt.Errorf("playbook %s has no %q", p.Name, name)
		}
	}
	out := make([]Asked, len(p.Questions))
	for i, q := range p.Questions {
		text, err := fill(q.Query, put, p.Params)
		if err != nil {
			return nil, fmt.Errorf("playbook %s: question %s: %w", p.Name, q.ID, err)
		}
		out[i] = Asked{q, text}
	}
	return out, nil
}

var (
	optional = regexp.MustCompile(`\[\[(.*?)\]\]`)
	named    = regexp.MustCompile(`\{\{(\w+)\}\}`)
)

// fill puts params into a query.
func fill(text string, put map[string]string, params []Param) (string, error) {
	known := func(name string) bool {
		return slices.ContainsFunc(params, func(a Param) bool { return a.Name == name })
	}
	for _, m := range named.FindAllStringSubmatch(text, -1) {
		if !known(m[1]) {
			return "", fmt.Errorf("{{%s}} is no param", m[1])
		}
	}
	text = optional.ReplaceAllStringFunc(text, func(part string) string {
		for _, m := range named.FindAllStringSubmatch(part, -1) {
			if put[m[1]] == "" {
				return ""
			}
		}
		return part[2 : len(part)-2]
	})
	text = strings.Join(strings.Fields(text), " ") // before values are in it, which may have spaces
	missing := ""
	text = named.ReplaceAllStringFunc(text, func(m string) string {
		v := put[m[2:len(m)-2]]
		if v == "" {
			missing = m
		}
		return v
	})
	if missing != "" {
		return "", fmt.Errorf("%s has no value: put [[ ]] around what is to be left out without it", missing)
	}
	return text, nil
}

var (
	durations = regexp.MustCompile(`^\d+(ms|s|m|h|d|w)$`)
	numbers   = regexp.MustCompile(`^-?\d+(\.\d+)?$`)
)

// put is a value as it stands in a query: it can be nothing but a value there.
func (a Param) put(v string, now time.Time) (string, error) {
	switch a.Kind {
	case KindPattern:
		return query.PatternText(v), nil
	case KindText:
		return query.ValueText(v), nil
	case KindValues:
		parts := strings.Split(v, ",")
		for i, s := range parts {
			parts[i] = query.ValueText(strings.TrimSpace(s))
		}
		return "in(" + strings.Join(parts, ",") + ")", nil
	case KindTime:
		_, err := query.ParseTime(v, now)
		if strings.ContainsAny(v, " \"") {
			err = errors.New("want a time without a space, such as 2026-11-23T20:00:00Z")
		}
		return v, err
	case KindDuration:
		if !durations.MatchString(v) {
			return "", errors.New("want a length of time, such as 15m or 48h")
		}
	case KindNumber:
		if !numbers.MatchString(v) {
			return "", errors.New("want a number")
		}
	case KindName:
		return query.PathText(v), nil
	}
	return v, nil
}
