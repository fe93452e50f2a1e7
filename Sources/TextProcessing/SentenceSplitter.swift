package struct SentenceSplitter { package init(budget: Int, count: @escaping (Substring) -> Int) {} ; package func split(_ text: String) -> [String] { [text] } }
