// SpeechTesting
