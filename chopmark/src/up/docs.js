"use strict";
const element = (name, text, ...children) => {
  const node = document.createElement(name);
  if (text) node.textContent = text;
  node.append(...children);
  return node;
};

const rows = (pairs) => element("table", "", element("tbody", "", ...pairs.map(([a, b]) =>
  element("tr", "", element("td", a), element("td", b)))));

const operation = (method, path, spec) => {
  const summary = element("summary", "", element("b", method.toUpperCase()), document.createTextNode(`${path}  ${spec.summary ?? ""}`));
  const parts = [summary];
  if (spec.description) parts.push(element("p", spec.description));
  const parameters = (spec.parameters ?? []).map((p) => [`${p.name} (${p.in})`, p.description ?? ""]);
  if (parameters.length) parts.push(element("h4", "Parameters"), rows(parameters));
  for (const [type, body] of Object.entries(spec.requestBody?.content ?? {})) {
    parts.push(element("h4", `Body: ${type}`), element("pre", JSON.stringify(body.example ?? body.schema ?? {}, null, 2)));
  }
  parts.push(element("h4", "Answers"), rows(Object.entries(spec.responses ?? {}).map(([status, r]) => [status, r.description ?? ""])));
  return element("details", "", ...parts);
};

// What is on another listener has a description of its own.
const load = async (description, own) => {
  const api = await (await fetch(description)).json();
  const groups = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, spec] of Object.entries(methods)) {
      if (typeof spec !== "object" || !spec.responses) continue;
      const tag = own ?? spec.tags?.[0] ?? "other";
      groups.set(tag, [...(groups.get(tag) ?? []), operation(method, path, spec)]);
    }
  }
  for (const [tag, operations] of groups) document.getElementById("operations").append(element("h2", tag), ...operations);
};

load("/openapi.json").then(() => load("/openapi/members.json", "member API, on the listener for members' programs"));
