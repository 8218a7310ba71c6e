// swift-tools-version: 6.2
import PackageDescription

// A user's package: the library by URL and version, every warning is an error.
let settings: [SwiftSetting] = [
    .treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"), .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "outside",
    dependencies: [.package(url: Context.environment["AGENTID_URL"] ?? "", from: "0.0.1")],
    targets: [
        .executableTarget(
            name: "complete", dependencies: [.product(name: "AgentID", package: "libagentid")], swiftSettings: settings),
        .executableTarget(
            name: "pages", dependencies: [.product(name: "AgentID", package: "libagentid")], swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
