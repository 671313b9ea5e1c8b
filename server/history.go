package server

import (
	"echo.tv/server/history"
	"echo.tv/server/tv"
)

// openHistory hands the history what it asks the others.
func (s *Server) openHistory() (*history.History, error) {
	return history.Open(history.Config{Log: s.log("history"), Store: s.store, On: s.hub.On, Title: s.title})
}

// title returns what a channel's owner says that is on, "" when nobody knows.
func (s *Server) title(name tv.ChannelName) string {
	c, err := s.accounts.Channel(name)
	if err != nil {
		return "" // the account is gone, or the disk is; either is told elsewhere
	}
	return c.Title
}
