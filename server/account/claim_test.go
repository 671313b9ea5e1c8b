package account

import (
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"echo.tv/server/tv"
)

func TestTheCodeMakesTheOwner(t *testing.T) {
	a := at(t, t.TempDir())
	code := a.ClaimCode()
	if !regexp.MustCompile(`^([A-Z2-7]{4}-){6}[A-Z2-7]{4}$`).MatchString(code) {
		t.Fatalf("the code cannot be typed: %q", code)
	}
	if a.ClaimCode() != code {
		t.Error("looking at the code changed it")
	}
	_, err := a.SignUp(t.Context(), stranger(), "ann", good, "")
	want(t, err, tv.NotSetUp)
	_, err = a.Claim(t.Context(), code, "olga", "short")
	want(t, err, tv.Invalid)
	u, err := a.Claim(t.Context(), strings.ToLower(strings.ReplaceAll(code, "-", " ")), "Olga", good)
	if err != nil || u.Name != "olga" || u.Role != tv.Owner {
		t.Fatalf("got %+v, %v", u, err)
	}
	if !a.Owned() || a.ClaimCode() != "" || a.NewClaimCode() != "" {
		t.Error("an owned host still has a code")
	}
	_, err = a.Claim(t.Context(), code, "mallory", good)
	want(t, err, tv.Conflict)
}

func TestOfTwoClaimsAtOnceExactlyOneWins(t *testing.T) {
	for range 10 {
		a := at(t, t.TempDir())
		code := a.ClaimCode()
		names := make(chan string, 2)
		names <- "olga"
		names <- "mallory"
		won := race(2, func() error {
			_, err := a.Claim(t.Context(), code, <-names, good)
			if err != nil && tv.CodeOf(err) != tv.Conflict {
				t.Errorf("the loser is told %v", err)
			}
			return err
		})
		if won != 1 || !a.Owned() {
			t.Errorf("%d claims won", won)
		}
	}
}

func TestClaimCodeIsGoodForFiveTries(t *testing.T) {
	a := at(t, t.TempDir())
	code := a.ClaimCode()
	claim := func(code string) error {
		_, err := a.Claim(t.Context(), code, "olga", good)
		return err
	}
	for _, wrong := range []string{"", "-", newCode(), code[:30], code + "A"} {
		err := claim(wrong)
		want(t, err, tv.Forbidden)
		if len(wrong) > 4 && strings.Contains(err.Error(), wrong) {
			t.Errorf("the error repeats the code: %v", err)
		}
	}
	want(t, claim(code), tv.Forbidden)
	want(t, claim(""), tv.Forbidden) // there is no code now, which is not the code ""
	next := a.ClaimCode()
	if next == code || next == "" {
		t.Fatalf("the next code is %q", next)
	}
	if err := claim(next); err != nil {
		t.Error(err)
	}
}

func TestClaimCodeIsGoodForTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := at(t, t.TempDir())
		old := a.ClaimCode()
		time.Sleep(claimLife - time.Second)
		if a.ClaimCode() != old {
			t.Error("the code changed early")
		}
		time.Sleep(time.Second)
		_, err := a.Claim(t.Context(), old, "olga", good)
		want(t, err, tv.Forbidden)
		late := a.ClaimCode()
		fresh := a.NewClaimCode()
		if old == late || late == fresh {
			t.Error("a code came twice")
		}
		_, err = a.Claim(t.Context(), late, "olga", good)
		want(t, err, tv.Forbidden)
		time.Sleep(claimLife - time.Second)
		if _, err = a.Claim(t.Context(), fresh, "olga", good); err != nil {
			t.Error(err)
		}
	})
}

func TestFoldForgivesHowACodeWasTyped(t *testing.T) {
	for typed, is := range map[string]string{
		"ab2c-7xyz":   "AB2C7XYZ",
		" A B\t2\nc ": "AB2C",
		"0O 1I 8B":    "OOIIBB",
		"9\x00é–":     "",
	} {
		if got := fold(typed); got != is {
			t.Errorf("%q became %q", typed, got)
		}
	}
}
