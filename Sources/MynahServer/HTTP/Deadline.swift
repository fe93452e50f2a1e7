import NIOCore

/// Something that is done when a time has passed, unless it is called off before.
///
/// A task that sleeps stays in memory until its time is over, called off or not; what a loop is to do does not.
struct Deadline: Sendable {
    private let scheduled: Scheduled<Void>

    init(in seconds: Int, on loop: any EventLoop, _ action: @escaping @Sendable () -> Void) {
        scheduled = loop.scheduleTask(in: .seconds(Int64(seconds)), action)
    }

    func cancel() { scheduled.cancel() }
}
