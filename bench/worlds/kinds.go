package worlds

// A spec is what a kind of system is made of.
type spec struct {
	tables   []tableSpec
	roles    []role
	services [][]string // the names that each of the services may have, in the order of the roles
	traps    []trap
}

func kinds() map[string]func() spec {
	return map[string]func() spec{"shop": shop, "tenants": tenants, "iot": iot, "cache": cache, "etl": etl}
}

// shop sells things: customers, orders, payments, and people who look after them.
func shop() spec {
	return spec{
		tables: []tableSpec{
			{"shop.customers", 4000, "name:name email:email phone:phone address:text city:city status:status limits:limits note:text"},
			{"shop.orders", 6000, "customer:code status:status total:total items:count ship_city:city comment:text"},
			{"shop.products", 1500, "title:text sku:code price:price stock:count active:flag supplier:owner description:text"},
			{"shop.payments", 3000, "order:code amount:total status:status payer:name"},
			{"shop.accounts", 800, "holder:name iban:iban balance:balance limits:limits status:status"},
			{"shop.reviews", 2000, "product:code author:name body:text stars:count"},
			{"shop.coupons", 60, "code:code percent:percent active:flag"},
			{"shop.sessions", 500, "user:email token:secret expires:stamp"},
		},
		roles: []role{
			{"support", 0.5, 3.5, office, []duty{
				{5, edit("customers", "address", "note", "status")}, {2, edit("customers", "email", "phone")}, {5, edit("orders", "status", "comment")},
				{2, series(2, 7, 40, edit("orders", "status"))}, {1, drop("reviews")}}},
			{"merchant", 0.2, 3, office, []duty{
				{3, edit("products", "title", "description", "active")}, {3, scale("products", "price", 0.8, 1.25)}, {2, add("products")},
				{1, series(5, 15, 30, scale("products", "price", 0.85, 1.2))}, {1, drop("products")}, {1, edit("coupons", "active")}}},
			{"finance", 0.1, 3, office, []duty{
				{5, edit("payments", "status")}, {2, shift("accounts", "balance", -90, 90)}, {1, edit("accounts", "iban")}, {1, edit("accounts", "status")}}},
			{"warehouse", 0.2, 5, office, []duty{{6, edit("orders", "status")}, {5, edit("products", "stock")}, {1, series(5, 40, 10, edit("products", "stock"))}}},
			{"checkout", 0, 40, daily, []duty{
				{5, add("orders", "payments")}, {3, edit("payments", "status")}, {2, add("customers")}, {2, edit("customers", "address", "email", "phone")},
				{3, shift("accounts", "balance", -80, 80)}, {2, add("reviews")}, {4, add("sessions")}, {1, batch(2, 6, edit("products", "stock"))}}},
			{"cleanup", 0, 150, nightly, []duty{{3, oldest("sessions")}, {1, oldest("reviews")}}},
		},
		services: [][]string{{"checkout", "svc-shop", "api-backend"}, {"retention-job", "cleanup", "svc-housekeeping"}},
		traps:    []trap{trapErasure, trapMonthEnd, trapSale, trapRestore, trapBackfill, trapReversion, trapReplay, trapAccounts, trapPurge},
	}
}

// tenants is a system that many organisations share.
func tenants() spec {
	return spec{
		tables: []tableSpec{
			{"app.projects", 2500, "tenant:owner title:text status:status lead:name budget_total:total"},
			{"app.documents", 6000, "tenant:owner title:text body:text status:status author:email"},
			{"app.members", 3000, "tenant:owner name:name email:email phone:phone status:status"},
			{"app.invoices", 1500, "tenant:owner amount:total status:status iban:iban note:text"},
			{"app.plans", 80, "tenant:owner quota:limits price:price discount_percent:percent"},
			{"app.tickets", 2000, "tenant:owner subject:text status:status contact:email"},
			{"app.sessions", 400, "member:email token:secret expires:stamp"},
		},
		roles: []role{
			{"member", 0.75, 4, office, []duty{
				{6, edit("documents", "title", "body", "status")}, {3, add("documents")}, {3, edit("projects", "status", "title")},
				{2, add("tickets")}, {1, drop("documents")}, {1, series(3, 9, 20, edit("documents", "status"))}}},
			{"manager", 0.15, 3, office, []duty{
				{3, edit("members", "status", "phone", "email")}, {2, add("members")}, {3, edit("projects", "lead", "status")},
				{1, scale("projects", "budget_total", 0.7, 1.4)}, {1, drop("projects")}, {1, series(3, 12, 15, drop("documents"))}}},
			{"billing", 0.1, 3, office, []duty{{5, edit("invoices", "status", "note")}, {1, scale("plans", "price", 0.9, 1.1)}, {1, edit("invoices", "iban")}}},
			{"frontend", 0, 40, daily, []duty{{5, edit("documents", "body")}, {3, add("sessions")}, {2, edit("tickets", "status")}, {1, add("invoices")}}},
			{"purge", 0, 180, nightly, []duty{{4, oldest("sessions")}, {1, oldest("tickets")}}},
		},
		services: [][]string{{"frontend", "svc-api", "app_server"}, {"nightly", "purge-job", "svc-retention"}},
		traps:    []trap{trapErasure, trapMonthEnd, trapOffboarding, trapRestore, trapBackfill, trapReversion, trapReplay, trapAccounts},
	}
}

// iot is devices that report, and the people who run them.
func iot() spec {
	return spec{
		tables: []tableSpec{
			{"iot.devices", 3000, "model:code serial:code site:city firmware:code status:status temperature:reading owner:owner remark:text"},
			{"iot.readings", 8000, "device:code temperature:reading voltage:reading at:stamp"},
			{"iot.alarms", 800, "device:code level:count status:status text:text"},
			{"iot.meters", 1200, "serial:code kwh_total:balance tariff_price:price site:city customer:name email:email"},
			{"iot.configs", 300, "key:code value:text enabled:flag limit:limits"},
			{"iot.state_cache", 2000, "device:code state:blob"},
		},
		roles: []role{
			{"operator", 0.6, 2.5, office, []duty{
				{5, edit("devices", "status", "remark", "site")}, {4, edit("alarms", "status")}, {1, add("devices")}, {1, series(5, 25, 8, edit("devices", "firmware"))}}},
			{"engineer", 0.3, 2, office, []duty{{4, edit("configs", "value", "enabled")}, {2, edit("devices", "firmware")}, {1, drop("alarms")}, {1, drop("devices")}}},
			{"billing", 0.1, 2.5, office, []duty{{3, edit("meters", "email", "customer")}, {2, scale("meters", "tariff_price", 0.95, 1.08)}}},
			{"gateway", 0, 60, steady, []duty{
				{8, edit("devices", "temperature")}, {6, add("readings")}, {2, batch(5, 20, add("readings"))}, {4, replace("state_cache")}, {1, add("alarms")},
				{2, shift("meters", "kwh_total", 0, 4)}}},
			{"rotation", 0, 300, nightly, []duty{{9, oldest("readings")}, {1, oldest("alarms")}}},
		},
		services: [][]string{{"gateway", "svc-ingest", "mqtt_bridge"}, {"rotate", "retention", "svc-readings"}},
		traps:    []trap{trapFirmware, trapBackfill, trapReplay, trapClock, trapAccounts, trapReversion, trapRestore},
	}
}

// cache is a system that mostly holds copies, which come and go.
func cache() spec {
	return spec{
		tables: []tableSpec{
			{"web.page_cache", 3000, "url:code body:blob expires:stamp"},
			{"web.sessions", 1500, "user:email token:secret expires:stamp"},
			{"web.articles", 1200, "title:text body:text status:status author:name"},
			{"web.profiles", 2500, "name:name email:email phone:phone points:balance status:status"},
			{"web.feature_flags", 60, "key:code enabled:flag share_percent:percent"},
			{"web.offers", 400, "title:text price:price partner:owner payout_account:iban status:status"},
		},
		roles: []role{
			{"editor", 0.7, 3, office, []duty{
				{6, edit("articles", "title", "body", "status")}, {2, add("articles")}, {1, drop("articles")}, {1, series(3, 8, 60, edit("articles", "status"))}}},
			{"partner", 0.3, 2, office, []duty{{4, edit("offers", "title", "status")}, {2, scale("offers", "price", 0.8, 1.2)}, {1, edit("offers", "payout_account")}, {1, add("offers")}}},
			{"web", 0, 80, daily, []duty{
				{6, replace("page_cache")}, {3, oldest("page_cache")}, {3, add("page_cache")}, {3, add("sessions")}, {3, oldest("sessions")},
				{2, edit("profiles", "status", "email")}, {2, shift("profiles", "points", -5, 20)}}},
			{"invalidator", 0, 4, steady, []duty{{1, series(20, 80, 1, oldest("page_cache"))}}},
		},
		services: [][]string{{"web", "edge", "svc-web"}, {"invalidator", "cache_worker", "svc-cache"}},
		traps:    []trap{trapErasure, trapBackfill, trapReplay, trapRestore, trapAccounts, trapReversion},
	}
}

// etl is a warehouse that jobs fill by night and people correct by day.
func etl() spec {
	return spec{
		tables: []tableSpec{
			{"dw.customers", 5000, "name:name email:email city:city segment:status lifetime_total:total"},
			{"dw.sales", 8000, "customer:code product:code amount:total city:city at:stamp"},
			{"dw.rates", 200, "currency:code rate:reading fee:price"},
			{"dw.payouts", 900, "partner:name iban:iban amount:total status:status"},
			{"dw.staging", 1500, "source:code payload:blob loaded:stamp"},
			{"dw.reports", 500, "title:text owner:owner body:text status:status"},
		},
		roles: []role{
			{"analyst", 0.7, 2.5, office, []duty{
				{4, edit("reports", "title", "body", "status")}, {2, add("reports")}, {2, edit("customers", "segment")}, {1, series(4, 18, 12, edit("customers", "segment"))},
				{1, drop("reports")}}},
			{"steward", 0.2, 2.5, office, []duty{
				{3, edit("customers", "email", "city", "name")}, {2, scale("sales", "amount", 0.9, 1.1)}, {1, series(4, 9, 30, drop("sales"))}, {1, edit("payouts", "status")}}},
			{"treasury", 0.1, 2, office, []duty{{3, edit("payouts", "status")}, {1, edit("payouts", "iban")}, {2, scale("rates", "rate", 0.97, 1.03)}}},
			{"loader", 0, 60, nightly, []duty{
				{6, batch(20, 80, add("sales"))}, {3, batch(10, 40, edit("customers", "lifetime_total", "segment"))}, {2, batch(10, 30, add("staging"))}, {4, batch(10, 40, oldest("staging"))}}},
			{"stream", 0, 40, daily, []duty{{5, add("sales")}, {1, add("payouts")}, {1, edit("payouts", "status")}}},
		},
		services: [][]string{{"loader", "etl_runner", "svc-batch"}, {"stream", "svc-sync", "connector"}},
		traps:    []trap{trapErasure, trapMonthEnd, trapReload, trapBackfill, trapReplay, trapRestore, trapAccounts, trapReversion},
	}
}
