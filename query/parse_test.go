package query_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recourse/audit"
	"recourse/query"
)

var now = time.Date(2026, 8, 2, 12, 0, 0, 0, time.UTC)

// parsed are queries and what Parse makes of them, as the language has it.
var parsed = []struct{ in, want string }{
	{`*`, `*`},
	{` ** `, `*`},
	{`eve`, `eve`},
	{`EVE Mallory`, `eve mallory`},
	{`evil@x.com`, `"evil x com"`},
	{`"Evil at  large"`, `"evil at large"`},
	{`"and"`, `"and"`},
	{`"not this"`, `"not this"`},
	{`PayMent~`, `payment~`},
	{`payment~1 carries:été~2 and~`, `payment~ carries:été~2 and~`},
	{`payment\~2`, `"payment 2"`},
	{`rule:mass-delete rule:r-*`, `rule:mass-delete rule:r-*`},
	{`pay*`, `pay*`},
	{`*pay**ment?`, `*pay*ment?`},
	{`evil@x*`, `evil-x*`},
	{`after@x*`, `after-x*`},
	{`a\*b`, `"a b"`},
	{`ÉTÉ`, `été`},
	{`-5`, `NOT 5`},
	{`"-5"`, `5`},
	{`a and b AND c`, `a b c`},
	{`a or b and c`, `a OR b c`},
	{`(a or b) c`, `(a OR b) c`},
	{`((a b) c)`, `a b c`},
	{`a or (b or c)`, `a OR b OR c`},
	{`not a b`, `NOT a b`},
	{`-(a b)`, `NOT (a b)`},
	{`--a`, `a`},
	{`not not not a`, `NOT a`},
	{`oregon android nothing`, `oregon android nothing`},
	{`/ev(il|e)\/x/`, `/ev(il|e)\/x/`},
	{`carries:word`, `carries:word`},
	{`carries:"some words"`, `carries:"some words"`},
	{`carries:and`, `carries:and`},
	{`carries:/x/`, `carries:/x/`},
	{`carries:*`, `carries:*`},
	{`user:eve`, `user:eve`},
	{`USER:Eve`, `user:Eve`},
	{`username:eve schema:shop operation:DELETE`, `user:eve db:shop op:delete`},
	{`user:"bob smith"`, `user:"bob smith"`},
	{`user:""`, `user:""`},
	{`user:bob\ smith`, `user:"bob smith"`},
	{`user:svc-*`, `user:svc-*`},
	{`user:/^svc-/`, `user:/^svc-/`},
	{`user:a\*b*`, `user:a\*b*`},
	{`user:"a*b"`, `user:"a*b"`},
	{`table:shop.*`, `table:shop.*`},
	{`kind:DELETE`, `kind:delete`},
	{`attr:"a b"`, `attr:"a b"`},
	{`id:318`, `id:318`},
	{`id:"318"`, `id:"318"`},
	{`id:318.0`, `id:318`},
	{`id:c-17`, `id:c-17`},
	{`id:12345678901234567890123`, `id:12345678901234567890123`},
	{`id:[1,"a"]`, `id:[1,"a"]`},
	{`id:[10..20]`, `id:[10..20]`},
	{`id>10`, `id>10`},
	{`id:*`, `id:*`},
	{`id:c-*`, `id:c-*`},
	{`key:dev.dog/318`, `key:"dev.dog/318"`},
	{`key:dev.dog/"318"`, `key:"dev.dog/\"318\""`},
	{`key:dev.dog/"a b (c)"`, `key:"dev.dog/\"a b (c)\""`},
	{`key:shop.customers/c-17`, `key:"shop.customers/\"c-17\""`},
	{`after.status:paid`, `after.status:paid`},
	{`after.status:"true" after.ok:true`, `after.status:"true" after.ok:true`},
	{`before.a.b."c.d".e:null`, `before.a.b."c.d".e:null`},
	{`after.price>1.50`, `after.price>1.5`},
	{`after.price:>=-3`, `after.price>=-3`},
	{`after.price:[ 1 .. 2.5 ]`, `after.price:[1..2.5]`},
	{`after.price:[..2]`, `after.price:[..2]`},
	{`after.name:["a..b".."m"]`, `after.name:["a..b"..m]`},
	{`after.name:*`, `after.name:*`},
	{`after.name:\*`, `after.name:"*"`},
	{`after.name:""`, `after.name:""`},
	{`after.n:\5`, `after.n:"5"`},
	{`after.when:2026-08-01T10:00:00Z`, `after.when:"2026-08-01T10:00:00Z"`},
	{`before:unknown after:Absent`, `before:unknown after:absent`},
	{`late:true lossy:false`, `late:true lossy:false`},
	{`seq:17`, `seq:17`},
	{`seq:[10..20]`, `seq>=10 seq<=20`},
	{`-seq:[10..20]`, `NOT (seq>=10 seq<=20)`},
	{`seq>=5`, `seq>=5`},
	{`txn:1795465916125.6418`, `time:1795465916125.6418`},
	{`txn:2026-11-23T20:31:56.125641845Z`, `time:1795465916125.6418`},
	{`@-2h`, `time>=1785664800000`},
	{`@2h`, `time>=1785664800000`},
	{`@2026-08-01`, `time>=1785542400000 time<1785628800000`},
	{`@2026-08-01..2026-08-02`, `time>=1785542400000 time<1785715200000`},
	{`@-2h..now`, `time>=1785664800000 time<=1785672000000`},
	{`@2h..now`, `time>=1785664800000 time<=1785672000000`},
	{`time>=2h`, `time>=1785664800000`},
	{`hour:in(1,25) weekday:sat* lag:*`, `hour:in(1,25) weekday:sat* lag:*`},
	{`@1785664800000.25..`, `time>=1785664800000.25`},
	{`time:[2026-08-01..]`, `time>=1785542400000`},
	{`time:[..2026-08-01T00:00:00+02:00]`, `time<=1785535200000`},
	{`time>2026-08-01`, `time>=1785628800000`},
	{`time<=2026-08-01`, `time<1785628800000`},
	{`time<2026-08-01`, `time<1785542400000`},
	{`time:1970-01-02T00:00:00Z`, `time:86400000.0`},
	{`"http://evil.example/x?a=b"`, `"http evil example x a b"`},
	{`abc==`, `abc`},
	{`user:in(eve,"bob smith", svc-a)`, `user:in(eve,"bob smith",svc-a)`},
	{`user:in(list:staff)`, `user:in(list:staff)`},
	{`after.x:in(1,"1",true,null)`, `after.x:in(1,"1",true,null)`},
	{`id:in(3,"3")`, `id:in(3,"3")`},
	{`id:in(list:ids)`, `id:in(list:ids)`},
	{`user:~Mallory`, `user:~mallory`},
	{`user:~~"Bob Smith"`, `user:~~"bob smith"`},
	{`after.x:~paid`, `after.x:~paid`},
	{`value:"evil@x" appears:5 vanishes:/x/`, `value:evil@x appears:5 vanishes:/x/`},
	{`value:"evil"`, `value:evil`},
	{`delta.balance>1000 ratio.a."b c">=10`, `delta.balance>1000 ratio.a."b c">=10`},
	{`delta.x:[1..2.5]`, `delta.x:[1..2.5]`},
	{`first:user+table`, `first:user+table`},
	{`like:17`, `like:17`},
	{`alert:* alert:a1* risk>=50`, `alert:* alert:a1* risk>=50`},
	{`label:pii`, `label:pii`},
	{`mark:late synthetic:false`, `late:true synthetic:false`},
	{`before_state:unknown changed:x added:y removed:z`, `before:unknown attr:x set:y unset:z`},
	{`hour>=22 weekday:sunday txn_size>100 lag<0`, `hour>=22 weekday:sunday txn_size>100 lag<0`},
	{`op_reported:delete before_trust:exact`, `op_reported:delete before_trust:exact`},
	{`@txn:1795465916125.6418`, `time:1795465916125.6418`},
	{`@txn:1795465916125.5±1s`, `time>=1795465915125.5 time<=1795465917125.5`},
	{`@alert:abc±10m`, `@alert:abc±10m`},
	{`@alert:abc+-90s`, `@alert:abc±90s`},
	{`@q:night @q:"odd name"`, `@q:night @q:"odd name"`},
	{`user:a\|b`, `user:"a|b"`},
	{`/a|b/`, `/a|b/`},
	{`10:30`, `"10 30"`},
	{`"line
break"`, `"line break"`},
}

func TestParse(t *testing.T) {
	for _, tt := range parsed {
		e, err := query.Parse(tt.in, now)
		if err != nil {
			t.Errorf("Parse(%s): %v", tt.in, err)
			continue
		}
		if got := e.String(); got != tt.want {
			t.Errorf("Parse(%s) = %s, want %s", tt.in, got, tt.want)
		}
		again, err := query.Parse(tt.want, now)
		if err != nil || again.String() != tt.want {
			t.Errorf("Parse(%s) = %s, %v, want it as it was", tt.want, again, err)
		}
	}
}

// refused are queries that Parse does not take, the column of the fault, and a
// part of the reason or the hint.
var refused = []struct {
	in     string
	column int
	say    string
}{
	{``, 1, "nothing is asked for"},
	{`  `, 1, "nothing is asked for"},
	{`usr:eve`, 1, "did you mean user?"},
	{`x tabel:a`, 3, "did you mean table?"},
	{`status:paid`, 1, `no field is named "status"`},
	{`status.x:paid`, 1, "after.status.x"},
	{`http://x`, 1, "put it in quotes"},
	{`user=eve`, 5, "write user:VALUE"},
	{`user:`, 6, "needs a value"},
	{`user:(a or b)`, 6, "(user:A OR user:B)"},
	{`user>eve`, 1, "cannot be compared"},
	{`user:[a..b]`, 6, "range"},
	{`a or`, 5, "missing"},
	{`or a`, 1, "nothing before"},
	{`a and or b`, 7, "nothing before"},
	{`a -`, 3, "minus"},
	{`(a`, 1, "not closed"},
	{`a)`, 2, "not opened"},
	{`()`, 2, "nothing stands before"},
	{`"a`, 1, "not closed"},
	{`"a\q"`, 1, "escape"},
	{`a"b`, 2, "quote"},
	{`user:"a"b`, 9, "space"},
	{`/a`, 1, "not closed"},
	{`/a/b`, 4, "follows"},
	{`user:/(/`, 6, "regular expression"},
	{`user:/etc/passwd`, 11, "quotes"},
	{`~fuzzy`, 1, "no word stands before"},
	{`fuzzy~3`, 1, "only 1 or 2"},
	{`fuz-zy~`, 1, "single word"},
	{`f*zzy~2`, 1, "single word"},
	{`fuzzy~"x"`, 7, "space"},
	{`rule:`, 6, "needs a value"},
	{`user:~~~fuzzy`, 6, "at most 2"},
	{`user:~`, 6, "no text"},
	{`user:in(a`, 10, "not closed"},
	{`user:in()`, 9, "missing"},
	{`user:in(a,)`, 11, "missing"},
	{`user:in(a)b`, 11, "follows"},
	{`user:in(list:)`, 14, "name"},
	{`after.x>in(1,2)`, 9, "after a comparison"},
	{`user:a|b`, 7, "pipe"},
	// What can never be found whatever is stored, and what other languages write.
	{`user!=eve`, 5, "unequals"},
	{`!user:eve`, 1, "exclamation mark"},
	{`a && b`, 3, "&& means nothing"},
	{`hour:25`, 6, "never"},
	{`hour:"5"`, 6, "never"},
	{`hour>=24`, 7, "never"},
	{`weekday:funday`, 9, "never"},
	{`weekday:in(mon,tue)`, 9, "never"},
	{`before_trust:sure`, 14, "never"},
	{`risk>=high`, 7, "is a number"},
	{`txn_size:many`, 10, "is a number"},
	{`lag:null`, 5, "is a number"},
	{`delta.total:"5"`, 13, "is a number"},
	{`ratio.total:[a..b]`, 13, "is a number"},
	{`| hist`, 1, "nothing stands before"},
	{`delta:5`, 1, "delta.ATTRIBUTE"},
	{`delta.x`, 8, "value"},
	{`actor.kind:human`, 1, "first:user"},
	{`case:C-7`, 1, "no cases"},
	{`@case:C-7`, 1, "no cases"},
	{`session:x`, 1, "sessions gap"},
	{`first:color`, 7, "user+table"},
	{`first:user+user`, 7, "twice"},
	{`like:x`, 6, "number"},
	{`hour:[22..5]`, 6, "or hour<="},
	{`@txn:yesterday±5m`, 1, "transaction"},
	{`@alert:±5m`, 1, "id is missing"},
	{`@alert:x±soon`, 1, "how long"},
	{`@q:`, 4, "name is missing"},
	{`mark:odd`, 6, "late, lossy, synthetic"},
	{`---`, 3, "minus"},
	{`...`, 1, "no word"},
	{`"🔥"`, 1, "no word"},
	{`kind:drop`, 6, "write, delete, message"},
	{`late:maybe`, 6, "true, false"},
	{`before:there`, 8, "unknown, absent, present"},
	{`before.x`, 9, "value"},
	{`before.:x`, 8, "name"},
	{`after.x:`, 9, "value"},
	{`after.x:[a]`, 9, "not a range"},
	{`after.x:[..]`, 9, "without ends"},
	{`after.x:[a..b`, 9, "not closed"},
	{`after.x>true`, 9, "no order"},
	{`after.x>a*`, 9, "pattern"},
	{`id:null`, 1, "not a primary key"},
	{`key:shop`, 5, "DATABASE.TABLE/ID"},
	{`seq:x`, 5, "number"},
	{`seq:-1`, 5, "number"},
	{`txn:2026-08-01`, 5, "transaction"},
	{`@yesterdayish`, 1, "RFC 3339"},
	{`@2026`, 1, "too small"},
	{`@1795465916`, 1, "too small"},
	{`@..`, 1, "without ends"},
	{`user:a\`, 7, "backslash"},
	{strings.Repeat("(", 101), 101, "nested deeper"},
	{strings.Repeat("a ", 1<<15) + "a", 1, "longer"},
	{"a\xff", 1, "UTF-8"},
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range refused {
		e, err := query.Parse(tt.in, now)
		var syntax *query.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("Parse(%.40q) = %.40s, %v, want a SyntaxError", tt.in, e, err)
			continue
		}
		if got := len([]rune(syntax.Query[:syntax.Offset])) + 1; got != tt.column {
			t.Errorf("Parse(%.40q): column %d, want %d: %v", tt.in, got, tt.column, err)
		}
		if !strings.Contains(err.Error()+syntax.Hint(), tt.say) {
			t.Errorf("Parse(%.40q): %q, hint %q, want it to say %q", tt.in, err, syntax.Hint(), tt.say)
		}
	}
}

func TestCaretPointsAtFault(t *testing.T) {
	_, err := query.Parse("ünï\x1b usr:eve", now)
	var syntax *query.SyntaxError
	if !errors.As(err, &syntax) {
		t.Fatalf("Parse: %v", err)
	}
	want := "ünï\uFFFD usr:eve\n     ^"
	if got := syntax.Caret(); got != want {
		t.Errorf("Caret:\n%s\nwant:\n%s", got, want)
	}
}

// FuzzParse checks that what Parse takes, String prints so that it reads back
// to the same.
func FuzzParse(f *testing.F) {
	for _, tt := range parsed {
		f.Add(tt.in)
	}
	for _, tt := range refused {
		f.Add(tt.in)
	}
	for _, text := range captured(f) {
		f.Add(text)
		f.Add("after.x:" + text + ` carries:"` + text + `"`)
	}
	c := audit.Change{
		Seq: 17, User: "eve", Op: audit.OpUpdate, Time: 1795465916125.6418,
		Before: audit.PresentImage(audit.Object(map[string]audit.Value{"x": audit.Int(1)}), audit.Folded, audit.Exact),
		After:  audit.PresentImage(audit.Object(map[string]audit.Value{"x": audit.Text("paid")}), audit.Logged, audit.Exact),
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := query.Parse(s, now)
		if err != nil {
			var syntax *query.SyntaxError
			if !errors.As(err, &syntax) || syntax.Caret() == "" {
				t.Fatalf("Parse(%q): %v is no SyntaxError", s, err)
			}
			return
		}
		printed := e.String()
		if len(printed) > query.MaxLength {
			return
		}
		again, err := query.Parse(printed, now.Add(time.Hour))
		if err != nil {
			t.Fatalf("Parse(%q) = %q, which does not parse: %v", s, printed, err)
		}
		if got := again.String(); got != printed {
			t.Fatalf("Parse(%q) = %q, which parses to %q", s, printed, got)
		}
		if got, want := again.Match(&c), e.Match(&c); got != want {
			t.Fatalf("Parse(%q) matches: %v; %q matches: %v", s, want, printed, got)
		}
	})
}

// captured are short texts from real responses.
func captured(t testing.TB) []string {
	t.Helper()
	var texts []string
	err := filepath.WalkDir("../testdata/captures", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".json") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		v, err := audit.FromJSON(data)
		if err != nil {
			return nil // a capture of something else than JSON
		}
		for _, s := range leaves(nil, v.Get("response")) {
			if len(s) < 200 && len(texts) < 500 {
				texts = append(texts, s)
			}
		}
		return nil
	})
	if err != nil || len(texts) == 0 {
		t.Fatalf("read captures: %d texts, %v", len(texts), err)
	}
	return texts
}

func leaves(dst []string, v audit.Value) []string {
	switch v.Kind() {
	case audit.KindArray:
		for e := range v.Elems() {
			dst = leaves(dst, e)
		}
	case audit.KindObject:
		for name, e := range v.Fields() {
			dst = leaves(append(dst, name), e)
		}
	case audit.KindText:
		dst = append(dst, v.Text())
	default:
		dst = append(dst, v.JSON())
	}
	return dst
}
