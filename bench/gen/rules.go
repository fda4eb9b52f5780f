package gen

import (
	"bytes"
	"fmt"
)

// The tables and attributes of Config's changes that rules look at, and users
// that are among them.
var (
	ruleTables = []string{"shop.orders", "shop.payments", "shop.products", "shop.customers", "shop.shipments", "shop.tickets",
		"ops.incidents", "ops.configs", "ops.employees", "ops.sessions", "ops.devices", "ops.meters"}
	ruleAttributes = []string{"status", "price", "stock", "amount", "balance", "salary", "role", "email", "phone", "city", "temperature", "revision"}
)

// A GatedRule is a rule of which the table, the operation, the user or an attribute
// decides for most changes that it has nothing to do with them.
type GatedRule struct {
	ID    string
	Where string
}

// GatedRules are so many rules as people write them for their own tables: of every
// ten two are on tables of the changes, and the others on tables, users and
// attributes of which most changes are not.
func GatedRules(n int) []GatedRule {
	out := make([]GatedRule, n)
	for i := range out {
		k := i / 10
		ours, attribute := ruleTables[k%len(ruleTables)], ruleAttributes[k%len(ruleAttributes)]
		out[i] = GatedRule{ID: fmt.Sprintf("gated-%04d", i), Where: []string{
			fmt.Sprintf(`op == "delete" and table == "app.t%d" and user == "u%d"`, k, k),
			fmt.Sprintf(`table == "app.t%d" and "status" in changed and after.status == "closed"`, k),
			fmt.Sprintf(`"%s_%d" in changed and after.%s_%d == "open"`, attribute, k, attribute, k),
			fmt.Sprintf(`user == "u%d" and op == "update" and "%s" in changed`, 100+k, attribute),
			fmt.Sprintf(`op == "delete" and table == "%s" and hour == %d`, ours, k%24),
			fmt.Sprintf(`db == "app%d" and kind == "delete"`, k),
			fmt.Sprintf(`"%s" in changed and user == "svc%d"`, attribute, k),
			fmt.Sprintf(`table == "%s" and op == "insert" and after.amount == %d`, ours, 9000+k),
			fmt.Sprintf(`user in ["svc%d", "job%d"] and op == "delete"`, k, k),
			fmt.Sprintf(`op == "upsert" and user == "u%d" and after.role == "admin"`, 200+k),
		}[i%10]}
	}
	return out
}

// RuleFile is the rules as a file of recourse.
func RuleFile(all []GatedRule) []byte {
	var b bytes.Buffer
	b.WriteString("apiVersion: rules/v1\nrules:\n")
	for _, r := range all {
		fmt.Fprintf(&b, "  - {id: %s, name: Gated, severity: low, alert: {title: t}, where: '%s', window: {size: 5m, by: [user, table], count: 20}}\n", r.ID, r.Where)
	}
	return b.Bytes()
}
