from notes import note, until_noted


def process(client):
    headers, query = client["headers"], client["query"]
    told = {"connection_id": client["connection_id"], "token": headers["X-Token"], "any_case": headers["x-token"]}
    note("connect", {**told, "query": query})
    if query.get("wait"):
        until_noted("open")
    if query.get("refuse") == "throw":
        raise ValueError("not today")
    if query.get("refuse"):
        return {"statusCode": int(query["refuse"])}
