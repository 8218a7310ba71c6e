// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "server",
    dependencies: [
        .package(name: "libagentid", path: "../../../..", traits: ["ServiceLifecycle", "SPIFFE"]),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    ],
    targets: [
        // What the tests tell what to do.
        .executableTarget(
            name: "server",
            dependencies: [
                .product(name: "AgentID", package: "libagentid"),
                .product(name: "AgentIDSPIFFE", package: "libagentid"),
            ],
            swiftSettings: settings),
        // What the guide shows.
        .executableTarget(
            name: "example",
            dependencies: [
                .product(name: "AgentID", package: "libagentid"),
                .product(name: "AgentIDLifecycle", package: "libagentid"),
                .product(name: "AgentIDSPIFFE", package: "libagentid"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
