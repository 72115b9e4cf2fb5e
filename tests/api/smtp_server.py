"""A mail server for the tests. Prints its port, then each mail that it accepts as a line of JSON.

The local part of the recipient's address selects a failure: `refused` is rejected for good, `greylisted` is
rejected once, and `stalled` gets no answer for a minute.
"""

import asyncio
import email
import email.policy
import json

from aiosmtpd.smtp import SMTP


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


async def main():
    handler = Handler()
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, enable_SMTPUTF8=True), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
