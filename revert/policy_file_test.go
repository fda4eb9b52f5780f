package revert

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const policyText = `
# what the shop's owner says
strict: record
unset: put
strictNull: true
updatesMayAdd: true
counters: [shop.products.stock, bank.accounts.balance]
registers:
  - shop.products.price
managed: [shop.orders.seen, shop.orders.touched]
classes:
  carried: conflict
  later-write: keep
  expired:
    do: apply
    reason: sessions are made anew on purpose
external:
  - table: shop.orders
    effect: mails to customers
`

func TestReadPolicy(t *testing.T) {
	got, err := ReadPolicy("policy.yaml", strings.NewReader(policyText))
	if err != nil {
		t.Fatal(err)
	}
	want := Policy{
		Strict: StrictRecord, Unset: UnsetPut, StrictNull: true, UpdatesMayAdd: true,
		Numbers: map[string]Number{"shop.products.stock": NumberCounter, "bank.accounts.balance": NumberCounter, "shop.products.price": NumberRegister},
		Managed: map[string][]string{"shop.orders": {"seen", "touched"}},
		Classes: map[Class]Decision{ClassCarried: {Do: HandleConflict}, ClassLaterWrite: {Do: HandleKeep},
			ClassExpired: {Do: HandleApply, Reason: "sessions are made anew on purpose"}},
		External: map[string]string{"shop.orders": "mails to customers"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := got.Check(); err != nil {
		t.Error(err)
	}
	for _, empty := range []string{"", "# nothing\n", "strict: attribute\n"} {
		if got, err := ReadPolicy("p", strings.NewReader(empty)); err != nil || got.Strict != StrictAttribute {
			t.Errorf("%q: %+v %v", empty, got, err)
		}
	}
}

func TestReadPolicyRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"strict: sometimes\n":                    `p.yaml:1:9: parse strictness "sometimes": want attribute, record or transaction`,
		"strict: record\nstrickt: record\n":      `p.yaml:2:1: unknown field "strickt"`,
		"strict: record\nstrict: record\n":       `p.yaml:2:1: `,
		"counters: shop.a.b\n":                   `p.yaml:1:11: `,
		"counters: [shop.a]\n":                   `p.yaml:1:12: "shop.a" names no attribute`,
		"counters: [a.b.c]\nregisters: [a.b.c]":  `a.b.c is said to be a counter and a register`,
		"classes:\n  superseded: apply\n":        `p.yaml:2:15: class superseded may be keep, conflict, not "apply"`,
		"classes:\n  lies: keep\n":               `p.yaml:2:3: "lies" is no class that a policy decides`,
		"classes:\n  schema: apply\n":            `p.yaml:2:11: class schema may be applied for a reason only`,
		"classes:\n  schema: {do: keep, why: x}": `p.yaml:2:22: a decision has no "why"`,
		"classes: keep\n":                        `p.yaml:1:10: classes is no mapping`,
		"external: [{table: shop.a}]":            `an external effect lacks its table or its effect`,
		"external: [{table: a, effect: mail}]":   `p.yaml:1:20: parse table "a"`,
		"unset: all\n":                           `p.yaml:1:8: unset "all" is none`,
		"strict: record\n---\nstrict: record\n":  `more than one YAML document`,
		"strictNull: maybe\n":                    `p.yaml:1:13: want true or false`,
		"- a\n":                                  `p.yaml:1:`,
		"a: [\n":                                 `p.yaml:1:`,
		strings.Repeat("[", 20_000):              `more than 10000 opening brackets`,
		strings.Repeat("#", maxPolicyFile+1):     `larger than`,
	} {
		_, err := ReadPolicy("p.yaml", strings.NewReader(text))
		var pe *PolicyError
		if !errors.As(err, &pe) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %s", text, err, want)
		} else if pe.Hint() == "" {
			t.Error("no hint")
		}
	}
}
