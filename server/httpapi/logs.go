package httpapi

import (
	"context"
	"log/slog"
	"time"

	"echo.tv/server/logs"
)

type (
	// Logs are the newest records of the log, oldest first.
	Logs struct {
		Records []LogRecord `json:"records" nullable:"false"`
		Last    uint64      `json:"last" doc:"Ask with after=this for what is newer"`
	}
	// LogRecord is one line.
	LogRecord struct {
		Seq     uint64    `json:"seq"`
		At      time.Time `json:"at"`
		Level   string    `json:"level" enum:"debug,info,warn,error"`
		Part    string    `json:"part" doc:"Of the program; empty when not said"`
		Message string    `json:"message"`
		Attrs   []LogAttr `json:"attrs" nullable:"false"`
	}
	// LogAttr is one fact of a record.
	LogAttr struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
)

type logsQuery struct {
	Level string `query:"level" enum:"debug,info,warn,error" default:"debug" doc:"The least that matters"`
	After uint64 `query:"after" doc:"Only what is newer than this record"`
}

func (a *API) logs(ctx context.Context, in *logsQuery) (*body[Logs], error) {
	if _, err := a.admin(ctx); err != nil {
		return nil, err
	}
	records, last := a.Records.Since(in.After)
	out := Logs{Records: []LogRecord{}, Last: last}
	var least slog.Level
	if err := least.UnmarshalText([]byte(in.Level)); err != nil {
		return nil, err // the description allows no other words
	}
	for _, r := range records {
		if r.Level >= least {
			out.Records = append(out.Records, logRecord(r))
		}
	}
	return &body[Logs]{out}, nil
}

func logRecord(r *logs.Record) LogRecord {
	out := LogRecord{Seq: r.Seq, At: r.At, Level: "debug", Part: r.Part, Message: r.Message, Attrs: make([]LogAttr, len(r.Attrs))}
	switch {
	case r.Level >= slog.LevelError:
		out.Level = "error"
	case r.Level >= slog.LevelWarn:
		out.Level = "warn"
	case r.Level >= slog.LevelInfo:
		out.Level = "info"
	}
	for i, x := range r.Attrs {
		out.Attrs[i] = LogAttr(x)
	}
	return out
}
