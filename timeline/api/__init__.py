"""Answers GraphQL over HTTP from the projections; serves GraphiQL and a plain front page."""
