// Starts GraphiQL on this server's own /graphql, with the query of the page's address.
"use strict";
(function () {
  const given = new URLSearchParams(window.location.search);
  const fetcher = GraphiQL.createFetcher({
    url: window.location.pathname,
    headers: { accept: "application/graphql-response+json, application/json;q=0.9" },
  });
  const firstQuery = [
    "# Who held a place, and which words of which report say so.",
    "{",
    "  places(first: 5) {",
    "    edges {",
    "      node {",
    "        id",
    "        name",
    "        control { state holders { name } since { earliest latest } }",
    "        timeline(first: 3) {",
    "          edges { node { type modality quote report { title } } }",
    "        }",
    "      }",
    "    }",
    "  }",
    "}",
    "",
  ].join("\n");
  const properties = { fetcher: fetcher, defaultQuery: firstQuery };
  if (given.get("query")) properties.query = given.get("query");
  if (given.get("variables")) properties.variables = given.get("variables");
  ReactDOM.createRoot(document.getElementById("graphiql")).render(
    React.createElement(GraphiQL, properties)
  );
})();
