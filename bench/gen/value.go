package gen

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

func pick(r *rand.Rand, l []string) string { return l[r.IntN(len(l))] }

// value is a JSON value of a kind, for a record written at ts.
func value(r *rand.Rand, k kind, ts float64) string {
	switch k {
	case kName:
		return `"` + pick(r, first) + " " + pick(r, last) + `"`
	case kEmail:
		return `"` + strings.ToLower(pick(r, first)) + "." + strings.ToLower(pick(r, last)) + strconv.Itoa(r.IntN(1000)) + "@" + pick(r, domains) + `"`
	case kStatus:
		return `"` + pick(r, statuses) + `"`
	case kMoney:
		return strconv.FormatFloat(float64(r.IntN(1000000))/100, 'f', 2, 64)
	case kInt:
		return strconv.Itoa(r.IntN(10000))
	case kBool:
		return strconv.FormatBool(r.IntN(2) == 0)
	case kTime:
		return strconv.FormatInt(int64(ts)-int64(r.IntN(86400000)), 10)
	case kCity:
		return `"` + pick(r, cities) + `"`
	case kPhone:
		return fmt.Sprintf(`"+1-555-%03d-%04d"`, r.IntN(1000), r.IntN(10000))
	case kNote:
		n := 4 + r.IntN(9)
		b := []byte{'"'}
		for i := range n {
			if i > 0 {
				b = append(b, ' ')
			}
			b = append(b, pick(r, words)...)
		}
		return string(append(b, '"'))
	case kCode:
		return fmt.Sprintf(`"%c%c-%06x"`, 'A'+r.IntN(26), 'A'+r.IntN(26), r.IntN(1<<24))
	case kIP:
		return fmt.Sprintf(`"10.%d.%d.%d"`, r.IntN(16), r.IntN(256), r.IntN(256))
	case kRole:
		return `"` + pick(r, roles) + `"`
	default:
		return strconv.FormatFloat(float64(r.IntN(100000))/1000, 'f', 3, 64)
	}
}
