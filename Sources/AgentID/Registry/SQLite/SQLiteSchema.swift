/// The tables, by version. A script takes a registry from the version of its index to the next; none is ever changed.
enum SQLiteSchema {
    /// "agid", in the file's header: whose database this is.
    static let applicationID: Int64 = 0x6167_6964
    static var version: Int64 { Int64(migrations.count) }

    static let migrations = [
        """
        CREATE TABLE meta (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            trust_domain TEXT NOT NULL,
            sequence INTEGER NOT NULL,
            keys_sequence INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE keys (
            thumbprint TEXT PRIMARY KEY,
            jwk TEXT NOT NULL,
            role TEXT NOT NULL CHECK (role IN ('active', 'next', 'retired')),
            drop_at INTEGER
        ) STRICT, WITHOUT ROWID;
        CREATE UNIQUE INDEX keys_role ON keys (role) WHERE role IN ('active', 'next');

        CREATE TABLE profiles (
            name TEXT PRIMARY KEY,
            document TEXT NOT NULL,
            certified_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE agents (
            id TEXT PRIMARY KEY,
            parent TEXT,
            profile TEXT NOT NULL,
            owner TEXT NOT NULL,
            principal TEXT NOT NULL,
            task TEXT NOT NULL,
            intent TEXT,
            key TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('active', 'suspended', 'deprovisioned')),
            created INTEGER NOT NULL,
            ended INTEGER,
            end_reason TEXT,
            tombstone TEXT
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX agents_parent ON agents (parent) WHERE parent IS NOT NULL;
        CREATE INDEX agents_profile ON agents (profile);
        CREATE INDEX agents_principal ON agents (principal);
        CREATE INDEX agents_owner ON agents (owner);
        CREATE INDEX agents_state ON agents (state);
        CREATE INDEX agents_unburied ON agents (ended, id) WHERE state = 'deprovisioned' AND tombstone IS NULL;

        CREATE TABLE grants (
            jti TEXT PRIMARY KEY,
            agent TEXT NOT NULL REFERENCES agents (id),
            chain TEXT NOT NULL,
            issued INTEGER NOT NULL,
            expires INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX grants_agent ON grants (agent, issued);

        CREATE TABLE leases (
            agent TEXT PRIMARY KEY REFERENCES agents (id),
            expires INTEGER NOT NULL,
            renewed INTEGER NOT NULL,
            holder TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX leases_expires ON leases (expires);

        CREATE TABLE revocations (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL,
            value TEXT NOT NULL,
            at INTEGER NOT NULL,
            reason TEXT,
            UNIQUE (kind, value)
        ) STRICT;

        CREATE TABLE hooks (
            name TEXT PRIMARY KEY,
            kind TEXT NOT NULL CHECK (kind IN ('callback', 'command')),
            events TEXT NOT NULL,
            command TEXT NOT NULL,
            deadline INTEGER NOT NULL,
            max_attempts INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE deliveries (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            hook TEXT NOT NULL REFERENCES hooks (name) ON DELETE CASCADE,
            agent TEXT NOT NULL,
            event TEXT NOT NULL,
            payload TEXT NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0,
            next_at INTEGER NOT NULL,
            claimed_until INTEGER NOT NULL DEFAULT 0,
            claimed_by TEXT,
            state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'dead')),
            error TEXT
        ) STRICT;
        CREATE INDEX deliveries_due ON deliveries (hook, state, id, next_at, claimed_until);
        CREATE INDEX deliveries_agent ON deliveries (agent, state);
        CREATE INDEX deliveries_order ON deliveries (hook, agent, state, id);

        CREATE TABLE events (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            line BLOB NOT NULL
        ) STRICT;

        CREATE TABLE counters (
            name TEXT PRIMARY KEY,
            value INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE broker_leases (
            id TEXT PRIMARY KEY,
            agent TEXT NOT NULL,
            provider TEXT NOT NULL,
            resource TEXT NOT NULL,
            release_command TEXT NOT NULL,
            acquired INTEGER NOT NULL,
            expires INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('acquiring', 'held', 'releasing')),
            attempts INTEGER NOT NULL,
            next_at INTEGER NOT NULL,
            error TEXT
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX broker_leases_agent ON broker_leases (agent);
        CREATE INDEX broker_leases_due ON broker_leases (next_at);
        """,
        // When a key was retired, and the last end of what was ever granted.
        """
        ALTER TABLE keys ADD COLUMN retired_at INTEGER;
        CREATE INDEX grants_expires ON grants (expires);
        """,
        // How far the journal was folded in.
        """
        ALTER TABLE meta ADD COLUMN journal_epoch TEXT NOT NULL DEFAULT '';
        ALTER TABLE meta ADD COLUMN journal_offset INTEGER NOT NULL DEFAULT 0;
        """,
        // Which registry it is, and how far it and the audit log have got: what went back shows.
        """
        ALTER TABLE meta ADD COLUMN epoch TEXT NOT NULL DEFAULT '';
        ALTER TABLE meta ADD COLUMN writes INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE meta ADD COLUMN log_identity TEXT NOT NULL DEFAULT '';
        ALTER TABLE meta ADD COLUMN log_size INTEGER NOT NULL DEFAULT 0;
        UPDATE meta SET epoch = lower(hex(randomblob(16)));
        """,
        // Until when a lease runs by the machine's steady clock, and by which run of the machine.
        """
        ALTER TABLE leases ADD COLUMN boot TEXT NOT NULL DEFAULT '';
        ALTER TABLE leases ADD COLUMN runs_until INTEGER NOT NULL DEFAULT 0;
        """,
        // Principals and profiles whose agents are to end.
        """
        CREATE TABLE departures (
            kind TEXT NOT NULL CHECK (kind IN ('principal', 'profile')),
            value TEXT NOT NULL,
            reason TEXT NOT NULL,
            PRIMARY KEY (kind, value)
        ) STRICT, WITHOUT ROWID;
        """,
        // Rows of kilobytes stand in tables that have a row's number: without, three quarters of their pages are empty.
        // Tokens are packed against samples; of agents that were pruned the tombstone is left.
        """
        CREATE TABLE samples (
            number INTEGER PRIMARY KEY,
            kind TEXT NOT NULL CHECK (kind IN ('chain', 'tombstone')),
            bytes BLOB NOT NULL
        ) STRICT;

        CREATE TABLE tombstones (
            agent TEXT NOT NULL UNIQUE,
            ended INTEGER NOT NULL,
            tombstone ANY NOT NULL
        ) STRICT;

        CREATE TABLE new_agents (
            id TEXT NOT NULL UNIQUE,
            parent TEXT,
            profile TEXT NOT NULL,
            owner TEXT NOT NULL,
            principal TEXT NOT NULL,
            task TEXT NOT NULL,
            intent TEXT,
            key TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('active', 'suspended', 'deprovisioned')),
            created INTEGER NOT NULL,
            ended INTEGER,
            end_reason TEXT,
            tombstone ANY
        ) STRICT;
        INSERT INTO new_agents SELECT id, parent, profile, owner, principal, task, intent, key, state, created, ended,
            end_reason, tombstone FROM agents ORDER BY created;
        DROP TABLE agents;
        ALTER TABLE new_agents RENAME TO agents;
        CREATE INDEX agents_parent ON agents (parent) WHERE parent IS NOT NULL;
        CREATE INDEX agents_profile ON agents (profile);
        CREATE INDEX agents_principal ON agents (principal);
        CREATE INDEX agents_owner ON agents (owner);
        CREATE INDEX agents_state ON agents (state);
        CREATE INDEX agents_unburied ON agents (ended, id) WHERE state = 'deprovisioned' AND tombstone IS NULL;
        CREATE INDEX agents_ended ON agents (ended) WHERE ended IS NOT NULL;

        CREATE TABLE new_grants (
            jti TEXT NOT NULL UNIQUE,
            agent TEXT NOT NULL REFERENCES agents (id),
            chain ANY NOT NULL,
            issued INTEGER NOT NULL,
            expires INTEGER NOT NULL
        ) STRICT;
        INSERT INTO new_grants SELECT jti, agent, chain, issued, expires FROM grants ORDER BY issued;
        DROP TABLE grants;
        ALTER TABLE new_grants RENAME TO grants;
        CREATE INDEX grants_agent ON grants (agent);
        CREATE INDEX grants_expires ON grants (expires);
        """,
        // Whose a key is, or was before it was replaced; and by which root grant a denial was caused.
        """
        CREATE TABLE former_keys (
            thumbprint TEXT NOT NULL,
            agent TEXT NOT NULL,
            PRIMARY KEY (thumbprint, agent)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX former_keys_agent ON former_keys (agent);
        CREATE INDEX agents_key ON agents (key, state);
        ALTER TABLE deliveries ADD COLUMN source TEXT NOT NULL DEFAULT '';
        CREATE INDEX deliveries_source ON deliveries (hook, source) WHERE source <> '';
        """,
        // How long after it lapsed a lease may still be renewed; and what a parked agent goes on with.
        """
        ALTER TABLE leases ADD COLUMN grace INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE leases ADD COLUMN sealed BLOB;
        CREATE INDEX leases_parked ON leases (agent) WHERE sealed IS NOT NULL;
        """,
        // The policies that were applied, and which is in force.
        """
        CREATE TABLE policies (
            version INTEGER PRIMARY KEY,
            document BLOB NOT NULL,
            applied INTEGER NOT NULL
        ) STRICT;
        ALTER TABLE meta ADD COLUMN policy_version INTEGER NOT NULL DEFAULT 0;
        """,
        // Calls that wait for people's consent.
        """
        CREATE TABLE approvals (
            id TEXT PRIMARY KEY,
            call TEXT NOT NULL UNIQUE,
            agent TEXT NOT NULL,
            task TEXT NOT NULL,
            asked INTEGER NOT NULL,
            expires INTEGER NOT NULL,
            document TEXT NOT NULL,
            arguments TEXT,
            state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'refused')),
            tokens TEXT NOT NULL,
            refused_by TEXT
        ) STRICT;
        CREATE INDEX approvals_agent ON approvals (agent);
        CREATE INDEX approvals_expires ON approvals (expires);
        """,
        // When a secret ends by the steady clock.
        """
        ALTER TABLE broker_leases ADD COLUMN boot TEXT NOT NULL DEFAULT '';
        ALTER TABLE broker_leases ADD COLUMN runs_until INTEGER NOT NULL DEFAULT 0;
        """,
        // How far the turns of the file `meters` had come.
        """
        ALTER TABLE meta ADD COLUMN meter_turns INTEGER NOT NULL DEFAULT 0;
        """,
        // Whose end makes a counter needless, or what time.
        """
        ALTER TABLE counters ADD COLUMN agent TEXT NOT NULL DEFAULT '';
        ALTER TABLE counters ADD COLUMN until INTEGER NOT NULL DEFAULT 9223372036854775807;
        CREATE INDEX counters_agent ON counters (agent) WHERE agent <> '';
        CREATE INDEX counters_until ON counters (until) WHERE until < 9223372036854775807;
        """,
    ]
}
