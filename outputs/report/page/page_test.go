package page_test

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"halftone/outputs/report/page"
)

func TestNumbers(t *testing.T) {
	for got, want := range map[string]string{page.Factor(1): "2.72", page.Factor(0): "1.00", page.Factor(10): "2.203e+04", page.A("event"): "an event", page.A("case"): "a case", page.A("person"): "a person",
		page.Join("https://x.org/", "datasets", "d"): "https://x.org/datasets/d"} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Text has a contrast of 4.5 and lines of 3 to 1 against every ground they stand
// on, in the light and the dark scheme (WCAG 2.2, 1.4.3 and 1.4.11).
func TestContrast(t *testing.T) {
	css := string(page.CSS())
	variable := regexp.MustCompile(`--([a-z0-9-]+):(#[0-9a-f]{3,6})\b`)
	light, dark := map[string]string{}, map[string]string{}
	for _, root := range regexp.MustCompile(`(?s)(@media [^{]*\{)?:root\{(.*?)\}`).FindAllStringSubmatch(css, -1) {
		for _, m := range variable.FindAllStringSubmatch(root[2], -1) {
			switch {
			case strings.Contains(root[1], "print"):
			case strings.Contains(root[1], "dark"):
				dark[m[1]] = m[2]
			default:
				light[m[1]] = m[2]
			}
		}
	}
	for scheme, v := range map[string]map[string]string{"light": light, "dark": dark} {
		for _, ground := range []string{"paper", "card", "tint"} {
			for name, least := range map[string]float64{"ink": 7, "muted": 4.5, "accent": 4.5, "line-1": 4.5, "line-2": 4.5, "line-3": 4.5, "line-4": 4.5} {
				if v[ground] == "" || v[name] == "" {
					t.Fatalf("%s: no colour %s or %s", scheme, ground, name)
				}
				if got := contrast(t, v[ground], v[name]); got < least {
					t.Errorf("%s: %s on %s has a contrast of %.2f, want %.1f", scheme, name, ground, got, least)
				}
			}
		}
		if got := contrast(t, v["paper"], v["accent"]); got < 4.5 { // buttons: paper on accent
			t.Errorf("%s: buttons %.2f", scheme, got)
		}
		if got := contrast(t, v["base"], v["paper"]); got < 3 {
			t.Errorf("%s: base line and hollow dots %.2f", scheme, got)
		}
	}
}

// contrast is (L1+0.05)/(L2+0.05) of the relative luminances.
func contrast(t *testing.T, a, b string) float64 {
	la, lb := luminance(t, a), luminance(t, b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(t *testing.T, hex string) (sum float64) {
	hex = strings.TrimPrefix(hex, "#")
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	for i, w := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += w * c
	}
	return sum
}
