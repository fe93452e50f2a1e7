import ArgumentParser
@main struct MynahCommand: ParsableCommand { static let configuration = CommandConfiguration(commandName: "mynah") }
