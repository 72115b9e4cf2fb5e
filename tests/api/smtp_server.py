"""A mail server for the tests. Prints its port, then each mail that it accepts as a line of JSON.

Arguments: none, or `smtps` or `starttls` and a file with a certificate and its key. With TLS it requires the user
`cubby` with the password `secret`.

The local part of the recipient's address selects a failure: `refused` is rejected for good, `greylisted` is
rejected once, and `stalled` gets no answer for a minute.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Handler:
    def __init__(self):
        self.greylist = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        local = address.split("@")[0]
        if local == "refused":
            return "550 5.1.1 no such user"
        if local == "greylisted" and address not in self.greylist:
            self.greylist.add(address)
            return "451 4.7.1 try again later"
        if local == "stalled":
            await asyncio.sleep(60)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        bodies = {part.get_content_type(): part.get_content() for part in mail.walk() if not part.is_multipart()}
        headers = {name: mail[name] for name in ("From", "To", "Subject", "Auto-Submitted", "Message-ID", "Date")}
        print(json.dumps({"to": envelope.rcpt_tos, "headers": headers, "bodies": bodies}), flush=True)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    # `handled` would mean that the answer has been sent.
    return AuthResult(success=data == LoginPassword(b"cubby", b"secret"), handled=False)


async def main():
    handler, tls, options = Handler(), None, {}
    if sys.argv[1:]:
        kind, certificate = sys.argv[1:]
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        options = {"auth_required": True, "authenticator": authenticate}
        if kind == "smtps":
            tls = context
            options["auth_require_tls"] = False
        else:
            options |= {"tls_context": context, "require_starttls": True}
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, enable_SMTPUTF8=True, **options), "127.0.0.1", 0, ssl=tls
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
