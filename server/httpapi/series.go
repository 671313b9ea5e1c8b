package httpapi

import (
	"context"
	"math"
	"time"

	"echo.tv/server/coach"
	"echo.tv/server/tv"
)

// Series is the last ten minutes of a channel, one value a second in each list.
type Series struct {
	At          []int64   `json:"at" nullable:"false" doc:"Seconds since 1970; a channel that was off the air leaves a gap"`
	Bitrate     []int     `json:"bitrate" nullable:"false" doc:"Media received, kbit/s"`
	FPS         []float64 `json:"fps" nullable:"false" doc:"Pictures received in the second"`
	Viewers     []int     `json:"viewers" nullable:"false"`
	KeyInterval []float64 `json:"keyInterval" nullable:"false" doc:"Seconds between key frames; 0 while not known"`
	Late        []int     `json:"late" nullable:"false" doc:"By how much the sender was behind its own clock, ms"`
}

type seriesPath struct {
	Name  string `path:"name"`
	After int64  `query:"after" doc:"Only what is newer, seconds since 1970"`
}

func (a *API) series(_ context.Context, in *seriesPath) (*body[Series], error) {
	name, err := tv.ParseAnyChannel(in.Name)
	if err != nil {
		return nil, noChannel("")
	}
	samples, known := a.Coach.Series(name, time.Unix(in.After+1, 0).Add(-time.Nanosecond))
	if !known {
		_, known, err = a.Guide.Get(name)
	}
	if err == nil && !known {
		_, host := name.Split()
		err = noChannel(host)
	}
	return &body[Series]{seriesOf(samples)}, err
}

func seriesOf(samples []coach.Sample) Series {
	n := len(samples)
	s := Series{make([]int64, n), make([]int, n), make([]float64, n), make([]int, n), make([]float64, n), make([]int, n)}
	for i, x := range samples {
		s.At[i], s.Bitrate[i], s.FPS[i], s.Viewers[i] = x.At.Unix(), x.Bits/1000, tenths(x.FPS), x.Viewers
		s.KeyInterval[i], s.Late[i] = tenths(x.Key.Seconds()), int(x.Late.Milliseconds())
	}
	return s
}

func tenths(v float64) float64 { return math.Round(v*10) / 10 }
