"""Why two machines do not meet: what `clowder doctor` looks at, and what it makes of it.

Theory of operation. First everything is looked at, then everything is judged. Looking is the shell:
it asks the node, reads what the system tells about interfaces, knocks at addresses, and sends one
question by multicast. Judging is pure: observations go in, one finding for each check comes out, in
the order in which a cause hides what comes after it. So each cause is a value in a test.

    observations   what was seen, as values
    findings       what a check says
    machine        checks of this machine: addresses, listening, discovery, multicast
    company        checks of the others: workspace, reach, clock, typed addresses, relays, links
    diagnosis      all checks in order
    interfaces     looking: interfaces, the default route, neighbours
    knocking       looking: does somebody answer at an address, and what does its clock say
    multicast      looking: one question by multicast DNS
    gathering      looking: all of it, through a node
    limits         bounds
"""
