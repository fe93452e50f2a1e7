// Mynah
