package rules_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"recourse/audit"
	"recourse/rules"
)

func priced(before, after int64) audit.Change {
	image := func(n int64) audit.Image {
		return audit.PresentImage(audit.Object(map[string]audit.Value{"price": audit.Int(n), "name": audit.Text("x")}), audit.Logged, audit.Exact)
	}
	return audit.Change{
		Seq: 1, Time: 1785664800000, User: "eve", Op: audit.OpUpdate, Key: audit.Key{Table: audit.Table{Database: "shop", Name: "products"}, ID: "1"},
		Before: image(before), After: image(after),
	}
}

func TestCondition(t *testing.T) {
	for source, want := range map[string]struct {
		holds bool
		needs string
	}{
		`after.price == 0 and before.price > 0`:              {true, "[]"},
		`table == "shop.products" && "price" in changed`:     {true, "[{table [shop.products]} {attr [price]}]"},
		`user in ["eve", "bob"] and op == "update"`:          {true, "[{user [eve bob]} {op [update]}]"},
		`"shop" == db and after.price > 5`:                   {false, "[{db [shop]}]"},
		`user == "bob" or after.price == 0`:                  {true, "[]"},
		`not (user == "bob")`:                                {true, "[]"},
		`user in [op, "eve"]`:                                {true, "[]"},
		`after.gone > 1`:                                     {false, "[]"},
		`(kind == "write" and node == "") and user == "eve"`: {true, "[{kind [write]} {node []} {user [eve]}]"},
	} {
		c, err := rules.ParseCondition("--where", source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		change := priced(7, 0)
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				for range 50 {
					if holds, err := c.Holds(&change); err != nil || holds != want.holds {
						t.Errorf("%s: %v, %v, want %v", source, holds, err, want.holds)
						return
					}
				}
			})
		}
		wait.Wait()
		if got := fmt.Sprint(c.Needs()); got != want.needs {
			t.Errorf("%s needs %s, want %s", source, got, want.needs)
		}
	}
}

func TestConditionMistakes(t *testing.T) {
	for source, want := range map[string]string{
		``:                       "empty",
		`after.price`:            "true or false",
		`after.price == `:        "--where:1:",
		`nonsense(1)`:            "unknown function",
		`user == "a" and oops`:   "unknown name oops",
		"user == \"a\"\n  and )": "--where:2:",
	} {
		_, err := rules.ParseCondition("--where", source)
		var lint *rules.LintError
		if !errors.As(err, &lint) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want a LintError with %q", source, err, want)
		}
	}
}

func TestConditionTooLarge(t *testing.T) {
	c, err := rules.ParseCondition("--where", `after.text matches "a.*b.*c"`)
	if err != nil {
		t.Fatal(err)
	}
	change := priced(1, 2)
	change.After.Body = change.After.Body.With("text", audit.Text(strings.Repeat("ab", 4_000_000)))
	if holds, err := c.Holds(&change); err == nil {
		t.Errorf("%v, and no error for a text of 8 MB", holds)
	}
}
