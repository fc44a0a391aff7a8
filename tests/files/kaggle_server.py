"""A server on this computer that plays Kaggle for Kaggle's own client."""

import http.server
import json
import re
import threading

TOKEN = "KGAT_this_is_secret"
SIGNATURE = "signed_and_secret"


class Handler(http.server.BaseHTTPRequestHandler):
    """What Kaggle's API, the store that it sends downloads to and its inbox answer.

    server.archives: {competition: bytes of its zip}; server.answers: {method: (status, answer)}
    in place of the right one; server.cuts: how many downloads break off half-way.
    server.requests: (method, what was sent) of each.
    """

    def do_POST(self):
        method = self.path.rsplit("/", 1)[-1]
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((method, sent))
        if method in self.server.answers:
            return self.say(*self.server.answers[method])
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self.say(401, {"code": 401, "message": "Unauthenticated"})
        name = sent.get("competitionName")
        if method == "IntrospectToken":
            return self.say(200, {"active": sent["token"] == TOKEN, "username": "student"})
        if name not in self.server.archives:
            return self.say(404, {"code": 404, "message": "Competition not found"})
        if method == "DownloadDataFiles":
            store = f"{self.server.url}/store/{name}/archive.zip?key={SIGNATURE}"
            return self.say(302, {}, Location=store)
        if method == "StartSubmissionUpload":
            return self.say(200, {"token": "blob", "createUrl": f"{self.server.url}/inbox"})
        return self.say(200, {"message": "Successfully submitted to it.", "ref": 1})

    def do_GET(self):
        whole = self.server.archives[self.path.split("/")[2]]
        span = self.headers["Range"]
        start = int(re.search(r"\d+", span)[0]) if span else 0
        self.server.requests.append(("GET", start))
        self.send_response(206 if span else 200)
        for header in (("Accept-Ranges", "bytes"), ("ETag", '"v1"'), ("Content-Type", "a/zip")):
            self.send_header(*header)
        if span:
            self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
        self.send_header("Content-Length", str(len(whole) - start))
        self.end_headers()
        stop = (start + len(whole)) // 2 if self.server.cuts else len(whole)
        self.server.cuts = max(0, self.server.cuts - 1)
        self.wfile.write(whole[start:stop])

    def do_PUT(self):
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append(("PUT", sent))
        self.say(*self.server.answers.get("PUT", (200, {})))

    def say(self, status, answer, **headers):
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        kind = "text/html" if isinstance(answer, bytes) else "application/json"
        for header in ({"Content-Type": kind, "Content-Length": len(body)} | headers).items():
            self.send_header(header[0], str(header[1]))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def start() -> http.server.ThreadingHTTPServer:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
