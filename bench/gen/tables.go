package gen

import "strings"

type kind uint8

const (
	kName kind = iota
	kEmail
	kStatus
	kMoney
	kInt
	kBool
	kTime
	kCity
	kPhone
	kNote
	kCode
	kIP
	kRole
	kFloat
)

type attr struct {
	name string
	k    kind
}

// A table is one that is written to; of 100 groups, weight are of it.
type table struct {
	db, name, prefix string
	weight           int
	attrs            []attr
}

var tables = []table{
	{"shop", "customers", "c", 14, []attr{{"name", kName}, {"email", kEmail}, {"phone", kPhone}, {"city", kCity}, {"status", kStatus}, {"role", kRole}, {"balance", kMoney}, {"newsletter", kBool}, {"last_login", kTime}, {"note", kNote}}},
	{"shop", "orders", "o", 20, []attr{{"customer", kCode}, {"status", kStatus}, {"total", kMoney}, {"currency", kRole}, {"items", kInt}, {"placed_at", kTime}, {"ship_city", kCity}, {"ship_to", kName}, {"gift", kBool}, {"coupon", kCode}, {"comment", kNote}}},
	{"shop", "products", "p", 10, []attr{{"title", kNote}, {"sku", kCode}, {"price", kMoney}, {"stock", kInt}, {"active", kBool}, {"supplier", kName}, {"status", kStatus}, {"weight", kFloat}, {"updated", kTime}, {"origin", kCity}}},
	{"shop", "payments", "y", 12, []attr{{"order", kCode}, {"amount", kMoney}, {"fee", kMoney}, {"status", kStatus}, {"payer", kName}, {"payer_email", kEmail}, {"ip", kIP}, {"at", kTime}, {"reference", kCode}, {"refunded", kBool}, {"memo", kNote}}},
	{"shop", "shipments", "s", 8, []attr{{"order", kCode}, {"carrier", kRole}, {"tracking", kCode}, {"status", kStatus}, {"from_city", kCity}, {"to_city", kCity}, {"recipient", kName}, {"phone", kPhone}, {"eta", kTime}, {"weight", kFloat}, {"insured", kBool}, {"remark", kNote}}},
	{"shop", "tickets", "t", 8, []attr{{"customer", kCode}, {"subject", kNote}, {"status", kStatus}, {"assignee", kName}, {"priority", kInt}, {"opened", kTime}, {"contact", kEmail}, {"escalated", kBool}, {"last_message", kNote}}},
	{"ops", "devices", "d", 12, []attr{{"model", kCode}, {"serial", kCode}, {"ip", kIP}, {"firmware", kCode}, {"site", kCity}, {"status", kStatus}, {"temperature", kFloat}, {"voltage", kFloat}, {"uptime", kInt}, {"seen", kTime}, {"owner", kName}, {"managed", kBool}, {"remark", kNote}}},
	{"ops", "sessions", "x", 6, []attr{{"user", kEmail}, {"ip", kIP}, {"agent", kNote}, {"started", kTime}, {"expires", kTime}, {"mfa", kBool}, {"role", kRole}, {"token", kCode}, {"city", kCity}}},
	{"ops", "employees", "e", 3, []attr{{"name", kName}, {"email", kEmail}, {"phone", kPhone}, {"role", kRole}, {"salary", kMoney}, {"city", kCity}, {"manager", kName}, {"status", kStatus}, {"hired", kTime}, {"remote", kBool}, {"note", kNote}}},
	{"ops", "configs", "f", 2, []attr{{"key", kCode}, {"value", kNote}, {"scope", kRole}, {"enabled", kBool}, {"revision", kInt}, {"editor", kEmail}, {"changed", kTime}, {"reason", kNote}}},
	{"ops", "incidents", "i", 2, []attr{{"title", kNote}, {"severity", kInt}, {"status", kStatus}, {"site", kCity}, {"reporter", kName}, {"opened", kTime}, {"ip", kIP}, {"resolved", kBool}, {"summary", kNote}}},
	{"ops", "meters", "m", 3, []attr{{"serial", kCode}, {"site", kCity}, {"v1", kFloat}, {"v2", kFloat}, {"v3", kFloat}, {"a1", kFloat}, {"a2", kFloat}, {"a3", kFloat}, {"kwh", kMoney}, {"pf", kFloat}, {"read", kTime}, {"ok", kBool}, {"firmware", kCode}, {"status", kStatus}, {"remark", kNote}}},
}

var (
	first    = strings.Fields("Ada Alan Barbara Brian Carla Chen Dana Dmitri Edsger Elena Farid Grace Hana Igor Ines Jamal Jin Karen Ken Leslie Lena Margaret Mei Niklaus Nora Omar Petra Quentin Rob Rosa Sofia Tim Uma Viktor Wen Xavier Yuki Zara Amir Beatriz")
	last     = strings.Fields("Lovelace Turing Liskov Kernighan Okafor Wei Scott Ivanov Dijkstra Rossi Haddad Hopper Sato Petrov Costa Khan Park Jones Thompson Lamport Schmidt Hamilton Lin Wirth Berg Nasser Novak Blake Pike Diaz Marino Cook Rao Orlov Zhang Cruz Tanaka Malik Farouk Silva Moreau Dubois Keller Fischer Wagner Larsen Nilsen Virtanen Kowalski Horvat")
	cities   = strings.Fields("Denver Austin Lagos Lisbon Osaka Pune Turin Oslo Tampere Gdansk Zagreb Lyon Leipzig Bergen Quito Lima Bogota Accra Nairobi Cairo Amman Muscat Hanoi Busan Taipei Perth Hobart Dunedin Halifax Calgary")
	statuses = strings.Fields("active pending shipped cancelled closed review failed queued archived open")
	roles    = strings.Fields("viewer editor operator auditor billing support usd eur gbp dhl ups fedex")
	words    = strings.Fields("the customer asked for a refund after late delivery of damaged parcel please check with warehouse before release stock count mismatch found during cycle audit contact driver and confirm route change due to weather firmware rollout paused because of sensor drift replace battery on next visit invoice sent twice adjust balance manual override approved by shift lead waiting vendor reply escalate if no answer within two days password reset requested from new location verify identity price updated according to season plan minor cosmetic scratch accepted as is priority customer handle first temperature spike seen at night cooling fan noisy schedule maintenance window remote restart done monitor closely")
	domains  = strings.Fields("example.com example.org example.net mail.example corp.example")
)

// products is the place in tables of the one that the incident is in.
const products = 2
