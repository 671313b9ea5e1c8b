package httpapi

import (
	"testing"
)

func TestTheLogIsForAdminsAndHasNoSecrets(t *testing.T) {
	h := joined(t)
	h.api.Log.With("part", "rtmp").Warn("a publish with live_abcdefgh234567abcdefgh234567abcd", "remote", "10.0.0.9")
	h.api.Log.Info("all is well")
	h.play([]call{
		{"nobody", "GET", "/api/logs", nil, 401, nil, []string{"publish"}},
		{"ann", "GET", "/api/logs", nil, 403, nil, []string{"publish"}},
		{"olga", "GET", "/api/logs", nil, 200, []string{`"level":"warn","part":"rtmp","message":"a publish with [hidden]","attrs":[{"key":"remote","value":"10.0.0.9"}]`, "all is well"}, []string{"abcdefgh234567"}},
		{"olga", "GET", "/api/logs?level=warn", nil, 200, []string{"a publish"}, []string{"all is well"}},
		{"olga", "GET", "/api/logs?level=loud", nil, 400, nil, []string{"a publish"}},
		{"olga", "GET", "/api/logs?after=-1", nil, 400, nil, nil},
		{"olga", "GET", "/api/logs?after=18446744073709551614", nil, 200, []string{`"records":[]`}, nil},
		{"olga", "GET", "/api/logs?after=99999999999999999999999", nil, 400, nil, nil},
	})
	all := decode[Logs](t, h.must(200, "olga", "GET", "/api/logs", nil).text)
	if n := len(all.Records); n == 0 || all.Last < all.Records[n-1].Seq {
		t.Errorf("%d records, the last %d", n, all.Last)
	}
}

func TestPastBroadcastsAreTheirStreamersAndTheLastIsEverybodys(t *testing.T) {
	h := joined(t)
	made := decode[KeyAndSecret](t, h.must(201, "ann", "POST", "/api/me/keys", NewKey{"gaming PC"}).text)
	h.publish(made.Secret)
	h.eventually("/api/channels/ann/broadcast", `"open":true`)
	h.play([]call{
		{"nobody", "GET", "/api/me/broadcasts", nil, 401, nil, nil},
		{"olga", "GET", "/api/me/broadcasts", nil, 200, []string{`{"broadcasts":[]}`}, nil},
		{"ann", "GET", "/api/me/broadcasts", nil, 200, []string{`"open":true`, `"interruptions":0`, `"received":`}, []string{made.Secret}},
		{"nobody", "GET", "/api/channels/ann/broadcast", nil, 200, []string{`"peak":0`}, []string{"received", "interruptions", made.Secret}},
		{"nobody", "GET", "/api/channels/olga/broadcast", nil, 200, []string{`{"last":null}`}, nil},
		{"nobody", "GET", "/api/channels/ann@aaaaaaaaaaaaaaaa/broadcast", nil, 200, []string{`{"last":null}`}, nil},
		{"nobody", "GET", "/api/channels/" + made.Secret + "/broadcast", nil, 404, nil, []string{made.Secret}},
	})
}
