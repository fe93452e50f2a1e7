package import Foundation
package struct BytePairTokenizer: Sendable {
    package init(vocabulary: Data, merges: Data, configuration: Data) throws {}
    package func encode(_ text: String) -> [Int32] { [Int32](repeating: 1, count: 12) }
}
