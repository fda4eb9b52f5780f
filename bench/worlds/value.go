package worlds

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"recourse/audit"
)

// A kind is what an attribute means.
type kind string

// The kinds of attributes; what attacks look for goes by them.
const (
	kName    kind = "name"
	kEmail   kind = "email"
	kPhone   kind = "phone"
	kIBAN    kind = "iban"
	kPrice   kind = "price"   // money that rarely moves
	kBalance kind = "balance" // money that moves
	kTotal   kind = "total"   // money of one deal
	kPercent kind = "percent"
	kStatus  kind = "status"
	kText    kind = "text"
	kCity    kind = "city"
	kCode    kind = "code"
	kCount   kind = "count"
	kReading kind = "reading"
	kFlag    kind = "flag"
	kStamp   kind = "stamp"
	kLimits  kind = "limits" // an object of limits
	kOwner   kind = "owner"  // who a record belongs to: never changes in peace
	kBlob    kind = "blob"   // what a cache or a queue holds
	kSecret  kind = "secret"
)

var (
	firsts   = strings.Fields("ada alan bea brian carla chen dana dmitri edsger elena farid grace hana igor ines jamal jin karen ken leslie lena maggie mei nick nora omar petra quentin rob rosa sofia tim uma viktor wen xavier yuki zara amir ingrid")
	lasts    = strings.Fields("lovelace turing liskov kernighan okafor wei scott ivanov dijkstra rossi haddad hopper sato petrov costa khan park jones thompson lamport schmidt hamilton lin wirth berg nasser novak blake pike diaz marino cook rao orlov zhang cruz tanaka malik farouk silva")
	cities   = strings.Fields("Denver Austin Lagos Lisbon Osaka Pune Turin Oslo Tampere Gdansk Zagreb Lyon Leipzig Bergen Quito Lima Bogota Accra Nairobi Cairo")
	statuses = strings.Fields("new open pending active shipped done closed failed review archived")
	words    = strings.Fields("the customer asked for a refund after late delivery of damaged parcel please check with warehouse before release stock count mismatch found during cycle audit contact driver and confirm route change due to weather firmware rollout paused because of sensor drift replace battery on next visit invoice sent twice adjust balance manual override approved by shift lead waiting vendor reply escalate if no answer within two days price updated according to season plan data back")
	canned   = []string{"customer was called back", "sent to the second level", "see the ticket", "no answer, tried twice", "done as agreed by mail"}
	domains  = strings.Fields("mail.example mail.example mail.example mail.example example.com example.org example.net corp.example")
)

// listPrices is what many deals cost exactly.
var listPrices = []float64{19.99, 49, 99, 249, 1200}

func pick[T any](r *rand.Rand, l []T) T { return l[r.IntN(len(l))] }

// between is a number from lo to hi, both included; lo if there is none.
func between(r *rand.Rand, lo, hi int) int { return lo + r.IntN(max(hi-lo, 0)+1) }

// cents is an amount around so much, with the long tail that amounts have.
func cents(r *rand.Rand, around float64) audit.Value {
	return audit.Float(math.Round(around*math.Exp(r.NormFloat64()*0.9)*100) / 100)
}

// fresh is a new value of a kind.
func (w *world) fresh(k kind) audit.Value {
	r := w.r
	switch k {
	case kPrice:
		return cents(r, 40)
	case kBalance:
		return cents(r, 900)
	case kTotal:
		if r.IntN(8) == 0 {
			return audit.Float(pick(r, listPrices))
		}
		return cents(r, 120)
	case kPercent:
		return audit.Int(int64(5 * between(r, 1, 8)))
	case kCount:
		return audit.Int(int64(r.IntN(400)))
	case kReading:
		return audit.Float(math.Round(r.NormFloat64()*5000+20000) / 1000)
	case kFlag:
		return audit.Bool(r.IntN(2) == 0)
	case kStamp:
		return audit.Float(math.Floor(float64(w.now)))
	case kLimits:
		return audit.Object(map[string]audit.Value{
			"day": audit.Int(int64(500 * between(r, 1, 6))), "month": audit.Int(int64(5000 * between(r, 1, 6)))})
	}
	return audit.Text(w.freshText(k))
}

func (w *world) freshText(k kind) string {
	r := w.r
	switch k {
	case kName:
		return title(pick(r, firsts)) + " " + title(pick(r, lasts))
	case kEmail:
		return fmt.Sprintf("%s.%s%d@%s", pick(r, firsts), pick(r, lasts), r.IntN(10_000), pick(r, domains))
	case kPhone:
		return fmt.Sprintf("+1-555-%03d-%04d", r.IntN(1000), r.IntN(10_000))
	case kIBAN:
		return fmt.Sprintf("NO%02d%04d%07d", r.IntN(100), r.IntN(10_000), r.IntN(10_000_000))
	case kStatus:
		return pick(r, statuses)
	case kText:
		if r.IntN(10) == 0 {
			return pick(r, canned)
		}
		return prose(r, between(r, 4, 12))
	case kCity:
		return pick(r, cities)
	case kOwner:
		return fmt.Sprintf("org-%02d", r.IntN(40))
	case kBlob:
		return scrambled(r, between(r, 40, 90))
	case kSecret:
		return scrambled(r, 44)
	default:
		return fmt.Sprintf("%c%c-%06x", 'A'+r.IntN(26), 'A'+r.IntN(26), r.IntN(1<<24))
	}
}

func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func prose(r *rand.Rand, n int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = pick(r, words)
	}
	return strings.Join(parts, " ")
}

// scrambled is base64 of nothing that anybody can read.
func scrambled(r *rand.Rand, n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	return string(b)
}
