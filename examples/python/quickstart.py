"""The README's example as a program: one call permitted, one denied."""

import tempfile

import libagentid

with tempfile.TemporaryDirectory() as folder:
    with libagentid.Authority.open(folder + "/acme", trust_domain="acme.example") as acme:
        acme.put_profile(
            "researcher", owner="team:research@acme.example", ceiling="read_file(path under '/data'); search(query: *)"
        )
        with acme.agent(
            "researcher", principal="user:alice@acme.example", task="Q3 review", scope="read_file(path under '/data/q3')"
        ) as agent:
            with agent.spawn("reader", scope="read_file(path under '/data/q3/public')") as reader:
                print(reader.authorize("read_file", {"path": "/data/q3/public/a.csv"}).explain())
                try:
                    reader.authorize("read_file", {"path": "/data/q3/secret.csv"})
                except libagentid.Denied as denied:
                    print(denied.decision.explain())
