// The words of the domain are half of this module's face: who imports one has both.
@_exported public import SpeechCore
