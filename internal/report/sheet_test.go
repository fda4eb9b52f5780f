package report

import "testing"

func TestCSVCell(t *testing.T) {
	for cell, want := range map[string]string{
		"": "", "  ": "  ", "eve": "eve", "-5": "-5", "1e5": "1e5", "a=1": "a=1",
		"=1+1": "'=1+1", "+eve": "'+eve", "-2+3": "'-2+3", "@SUM(A1)": "'@SUM(A1)", "＝1": "'＝1",
		// A spreadsheet may be told to trim.
		" =1+1": "' =1+1", "  @x": "'  @x", "\u00a0+1": "'\u00a0+1",
	} {
		if got := csvCell(cell); got != want {
			t.Errorf("%q is %q, want %q", cell, got, want)
		}
	}
}
