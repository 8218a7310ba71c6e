// swift-tools-version: 6.2
import Foundation
import PackageDescription

let settings: [SwiftSetting] = [
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// Code of Swift's runtime that nothing in libagentid.so reaches, 400 kB, as this compiler's runtime names it. With another
// compiler the library is that much larger, and works as well.
#if compiler(>=6.3) && compiler(<6.4) && arch(x86_64)
    // Fuzz targets, which are programs, refer to more of it.
    let unused =
        Context.environment["AGENTID_FUZZ"] == nil
        ? ["-Xlinker", "\(Context.packageDirectory)/Sources/AgentIDC/unused.ld"] : []
#else
    let unused: [String] = []
#endif

// libagentid.so carries its own Swift runtime and exports exactly the functions of Include. Functions that are alike are kept
// once (--icf=all): nothing in Swift compares the addresses of code. Relocations are packed (glibc 2.36 or later reads them).
// Names, ages, scripts, cases and the like of Unicode scalars, 640 kB that nothing here asks for, are left out (--defsym).
// Its tables of addresses are read-only once it is loaded (-z now), which takes 0.06 ms. It stays after dlclose
// (-z nodelete): a thread of its own may be on its way out.
// The flags stay on the C target alone: the AgentID product has none, so that older SwiftPMs too let packages depend on it.
let sharedLibrary: [LinkerSetting] = [
    .unsafeFlags(
        [
            "-static-stdlib", "-use-ld=lld",
            "-Xlinker", "--gc-sections", "-Xlinker", "--icf=all", "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs",
            "-Xlinker", "-z", "-Xlinker", "now", "-Xlinker", "-z", "-Xlinker", "nodelete",
            "-Xlinker", "-soname=libagentid.so.0",
            "-Xlinker", "--version-script=\(Context.packageDirectory)/Sources/AgentIDC/agentid.map",
        ]
            + [
                "ScalarName", "NameAlias", "Age", "Script", "ScriptExtensions", "NumericType", "NumericValue",
                "WordBreakProperty", "Mapping", "SpecialMapping", "CaseMapping",
            ]
            .flatMap { ["-Xlinker", "--defsym=_swift_stdlib_get\($0)=0"] }),
    // Code that is not optimised refers to more of the runtime.
    .unsafeFlags(unused, .when(configuration: .release)),
]

// A source archive has what it needs beside it (scripts/dist.sh).
let vendored = "\(Context.packageDirectory)/vendor/swift-argument-parser"
let argumentParser: Package.Dependency =
    FileManager.default.fileExists(atPath: vendored)
    ? .package(path: vendored)
    : .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")

// What a server that embeds this has beside it. Each is a trait, so that what it needs is fetched only where it is wanted.
// Without its trait a product is empty.
struct Integration {
    let trait: String
    let folder: String
    let products: [(name: String, package: String)]
    /// Modules of this package, besides AgentID and AgentIDAsync.
    var modules: [Target.Dependency] = []

    var target: String { "AgentID\(folder)" }

    var dependencies: [Target.Dependency] {
        products.map { .product(name: $0.name, package: $0.package, condition: .when(traits: [trait])) }
    }
}

let integrations = [
    Integration(trait: "SwiftLog", folder: "Logging", products: [("Logging", "swift-log")]),
    Integration(trait: "SwiftMetrics", folder: "Metrics", products: [("Metrics", "swift-metrics")]),
    Integration(
        trait: "DistributedTracing", folder: "Tracing",
        products: [("Tracing", "swift-distributed-tracing"), ("Instrumentation", "swift-distributed-tracing")]),
    Integration(
        trait: "ServiceLifecycle", folder: "Lifecycle", products: [("ServiceLifecycle", "swift-service-lifecycle")]),
    Integration(
        trait: "Hummingbird", folder: "Hummingbird",
        products: [("Hummingbird", "hummingbird"), ("HTTPTypes", "swift-http-types"), ("Logging", "swift-log")]),
    Integration(
        trait: "SPIFFE", folder: "SPIFFE",
        products: [
            ("X509", "swift-certificates"), ("SwiftASN1", "swift-asn1"), ("Crypto", "swift-crypto"),
            ("CryptoExtras", "swift-crypto"), ("GRPCCore", "grpc-swift-2"),
            ("GRPCNIOTransportHTTP2Posix", "grpc-swift-nio-transport"), ("NIOCore", "swift-nio"),
            ("ServiceLifecycle", "swift-service-lifecycle"),
        ],
        modules: ["CProcess", "JOSE", "StrictJSON"]),
]

// The command line runs where no Swift is installed, once it is built for release.
let standalone: [LinkerSetting] = [
    .unsafeFlags(
        [
            "-static-stdlib", "-use-ld=lld", "-l_FoundationCShims", "-l_FoundationCollections",
            "-Xlinker", "-z", "-Xlinker", "now",
        ],
        .when(configuration: .release))
]

// The fuzz targets are built on their own: scripts/fuzz.sh sets this and instruments every module.
let fuzzTargets: [Target] =
    Context.environment["AGENTID_FUZZ"] == nil
    ? []
    : [
        .executableTarget(
            name: "agentid-fuzz",
            dependencies: [
                "AgentID", "AgentIDC", "CAgentID", "CostCases", "Policy", "Scopes", "TransparencyLog", "JOSE",
                "StrictJSON",
            ],
            path: "Tests/Fuzz", exclude: ["seeds"],
            swiftSettings: settings.dropFirst() + [.unsafeFlags(["-parse-as-library"])],
            linkerSettings: [.unsafeFlags(["-use-ld=lld"])]),
        // What costs most, under the documented limits: looked for on its own, and by a fuzz target.
        .target(
            name: "CostCases", dependencies: ["AgentID", "Scopes", "JOSE", "StrictJSON"], path: "Tests/Cost/Cases",
            swiftSettings: settings),
        .executableTarget(
            name: "agentid-cost", dependencies: ["CostCases", "JOSE", "StrictJSON"], path: "Tests/Cost/Search",
            swiftSettings: settings),
    ]

let package = Package(
    name: "libagentid",
    products: [
        .library(name: "AgentID", targets: ["AgentID", "AgentIDAsync"]),
        .library(name: "AgentIDFoundation", targets: ["AgentIDFoundation"]),
        .library(name: "agentid", type: .dynamic, targets: ["AgentIDC"]),
        .executable(name: "agentidctl", targets: ["agentidctl"]),
    ] + integrations.map { .library(name: $0.target, targets: [$0.target]) },
    traits: Set(
        integrations.map { .trait(name: $0.trait, description: "\($0.target), and the package that it is for") }),
    dependencies: [
        argumentParser,
        .package(url: "https://github.com/apple/swift-http-types", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.5.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.2.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.6.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.0"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.0"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
    ],
    targets: [
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CProcess"),
        .systemLibrary(name: "CAgentID", path: "Include"),

        .target(name: "StrictJSON", swiftSettings: settings),
        .target(name: "JOSE", dependencies: ["CSodium", "StrictJSON"], swiftSettings: settings),
        .target(name: "Scopes", dependencies: ["StrictJSON"], swiftSettings: settings),
        .target(name: "Policy", dependencies: ["Scopes", "StrictJSON"], swiftSettings: settings),
        .target(name: "TransparencyLog", dependencies: ["JOSE", "StrictJSON"], swiftSettings: settings),
        .target(
            name: "AgentID",
            dependencies: ["CProcess", "CSQLite", "JOSE", "Policy", "Scopes", "StrictJSON", "TransparencyLog"],
            swiftSettings: settings),
        // Apart: Swift's concurrency would add 0.9 MB to the shared library, which has no use for it.
        .target(
            name: "AgentIDAsync", dependencies: ["AgentID", "JOSE", "StrictJSON", "TransparencyLog"],
            swiftSettings: settings),
        // Apart: nothing else below the command line needs Foundation.
        .target(
            name: "AgentIDFoundation", dependencies: ["AgentID", "Scopes"], path: "Sources/Integrations/Foundation",
            swiftSettings: settings),
        .target(
            name: "AgentIDC", dependencies: ["AgentID", "CAgentID", "JOSE", "Scopes", "StrictJSON"],
            exclude: ["agentid.map", "unused.ld"],
            swiftSettings: settings + [.unsafeFlags(["-Osize"], .when(configuration: .release))],
            linkerSettings: sharedLibrary),
        // Apart from AgentID: the shared library does not have it.
        .target(
            name: "PolicyReplay", dependencies: ["AgentID", "JOSE", "Policy", "Scopes", "StrictJSON"],
            swiftSettings: settings),
        .executableTarget(
            name: "agentidctl",
            dependencies: [
                "AgentID", "CProcess", "PolicyReplay", "Scopes", "JOSE", "StrictJSON",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings, linkerSettings: standalone),

        // What tests of several modules share.
        .target(
            name: "TestSupport", dependencies: ["JOSE", "StrictJSON"], path: "Tests/Support", swiftSettings: settings),
        .testTarget(name: "StrictJSONTests", dependencies: ["StrictJSON", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "JOSETests", dependencies: ["JOSE", "StrictJSON", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "ScopesTests", dependencies: ["Scopes", "StrictJSON", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "PolicyTests", dependencies: ["Policy", "Scopes", "StrictJSON", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "TransparencyLogTests", dependencies: ["TransparencyLog", "JOSE", "StrictJSON", "TestSupport"],
            exclude: ["verify.py"],
            swiftSettings: settings),
        // A process that tests start and kill.
        .executableTarget(
            name: "audit-process", dependencies: ["AgentID", "JOSE", "Policy", "StrictJSON"],
            path: "Tests/AuditProcess",
            swiftSettings: settings),
        .testTarget(
            name: "AgentIDTests",
            dependencies: [
                "AgentID", "Policy", "PolicyReplay", "Scopes", "TransparencyLog", "JOSE", "StrictJSON", "TestSupport",
                "audit-process",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "AgentIDAsyncTests", dependencies: ["AgentIDAsync", "AgentIDFoundation"], swiftSettings: settings),
    ]
        + integrations.map {
            .target(
                name: $0.target, dependencies: ["AgentID", "AgentIDAsync"] + $0.modules + $0.dependencies,
                path: "Sources/Integrations/\($0.folder)", swiftSettings: settings)
        } + fuzzTargets,
    swiftLanguageModes: [.v6]
)
