"""Names of the built-in parts, as strings, so that no part is imported before it is used."""

from facegen.core.hookspecs import hookimpl


@hookimpl
def facegen_datasets() -> dict[str, str]:
    return {
        "packed": "facegen.data.corpus.dataset:Packed",
        "synthetic": "facegen.data.synthetic.speakers:Synthetic",
    }


@hookimpl
def facegen_conditioners() -> dict[str, str]:
    return {
        "char_cnn_rnn": "facegen.parts.conditioners.char_cnn_rnn:CharCnnRnn",
        "face_image": "facegen.parts.conditioners.face_image:FaceImage",
        "mel_spectrogram": "facegen.parts.conditioners.mel_spectrogram:MelSpectrogram",
        "mfcc": "facegen.parts.conditioners.mfcc:Mfcc",
        "one_hot": "facegen.parts.conditioners.one_hot:OneHot",
        "speaker_embedding": "facegen.parts.conditioners.speaker_embedding:SpeakerEmbedding",
        "text_embedding": "facegen.parts.conditioners.text_embedding:TextEmbedding",
        "waveform_segan": "facegen.parts.conditioners.waveform_segan:WaveformSegan",
        "waveform_sincnet": "facegen.parts.conditioners.waveform_sincnet:WaveformSincnet",
    }


@hookimpl
def facegen_transforms() -> dict[str, str]:
    return {
        "conditioning_augmentation": "facegen.parts.transforms.conditioning_augmentation:ConditioningAugmentation",
        "gaussian_noise": "facegen.parts.transforms.gaussian_noise:GaussianNoise",
        "identity_classifier": "facegen.parts.transforms.identity_classifier:IdentityClassifier",
        "linear": "facegen.parts.transforms.linear:Linear",
        "principal_components": "facegen.parts.transforms.principal_components:PrincipalComponents",
    }


@hookimpl
def facegen_generators() -> dict[str, str]:
    return {
        "adain": "facegen.parts.generators.adain:Adain",
        "began": "facegen.parts.generators.began:Began",
        "dcgan": "facegen.parts.generators.dcgan:Dcgan",
        "r3gan": "facegen.parts.generators.r3gan:R3gan",
        "self_attention": "facegen.parts.generators.self_attention:SelfAttention",
        "stackgan_stage1": "facegen.parts.generators.stackgan_stage1:StackganStage1",
        "stackgan_stage2": "facegen.parts.generators.stackgan_stage2:StackganStage2",
        "voice2face": "facegen.parts.generators.voice2face:Voice2face",
    }


@hookimpl
def facegen_discriminators() -> dict[str, str]:
    return {
        "autoencoder": "facegen.parts.discriminators.autoencoder:Autoencoder",
        "dcgan": "facegen.parts.discriminators.dcgan:Dcgan",
        "projection": "facegen.parts.discriminators.projection:Projection",
        "r3gan": "facegen.parts.discriminators.r3gan:R3gan",
        "self_attention": "facegen.parts.discriminators.self_attention:SelfAttention",
        "stackgan": "facegen.parts.discriminators.stackgan:Stackgan",
        "voice2face": "facegen.parts.discriminators.voice2face:Voice2face",
    }


@hookimpl
def facegen_objectives() -> dict[str, str]:
    return {
        "auxiliary_classifier": "facegen.parts.objectives.auxiliary_classifier:AuxiliaryClassifier",
        "began": "facegen.parts.objectives.began:Began",
        "feature_matching": "facegen.parts.objectives.feature_matching:FeatureMatching",
        "least_squares": "facegen.parts.objectives.least_squares:LeastSquares",
        "manifold_interpolation": "facegen.parts.objectives.manifold_interpolation:ManifoldInterpolation",
        "matching_aware": "facegen.parts.objectives.matching_aware:MatchingAware",
        "non_saturating": "facegen.parts.objectives.non_saturating:NonSaturating",
        "reconstruction": "facegen.parts.objectives.reconstruction:Reconstruction",
        "relativistic": "facegen.parts.objectives.relativistic:Relativistic",
        "relativistic_average": "facegen.parts.objectives.relativistic_average:RelativisticAverage",
        "relid": "facegen.parts.objectives.relid:Relid",
        "wasserstein": "facegen.parts.objectives.wasserstein:Wasserstein",
    }


@hookimpl
def facegen_penalties() -> dict[str, str]:
    return {
        "gradient_penalty": "facegen.parts.penalties.gradient_penalty:GradientPenalty",
        "r1": "facegen.parts.penalties.r1:R1",
        "r2": "facegen.parts.penalties.r2:R2",
        "weight_clip": "facegen.parts.penalties.weight_clip:WeightClip",
    }


@hookimpl
def facegen_augmentations() -> dict[str, str]:
    return {
        "adaptive": "facegen.parts.augmentations.adaptive:Adaptive",
        "diff_augment": "facegen.parts.augmentations.diff_augment:DiffAugment",
    }


@hookimpl
def facegen_matchers() -> dict[str, str]:
    return {
        "contrastive": "facegen.parts.matchers.contrastive:Contrastive",
        "joint_classification": "facegen.parts.matchers.joint_classification:JointClassification",
        "pair_classification": "facegen.parts.matchers.pair_classification:PairClassification",
        "projection_heads": "facegen.parts.matchers.projection_heads:ProjectionHeads",
        "regression": "facegen.parts.matchers.regression:Regression",
        "softmax": "facegen.parts.matchers.softmax:Softmax",
        "speaker_classification": "facegen.parts.matchers.speaker_classification:SpeakerClassification",
    }


@hookimpl
def facegen_metrics() -> dict[str, str]:
    return {
        "correlation": "facegen.parts.metrics.correlation:Correlation",
        "detection": "facegen.parts.metrics.detection:Detection",
        "diversity": "facegen.parts.metrics.diversity:Diversity",
        "factors": "facegen.parts.metrics.factors:Factors",
        "fidelity": "facegen.parts.metrics.fidelity:Fidelity",
        "frechet": "facegen.parts.metrics.frechet:Frechet",
        "identity": "facegen.parts.metrics.identity:Identity",
        "matching": "facegen.parts.metrics.matching:Matching",
        "memorisation": "facegen.parts.metrics.memorisation:Memorisation",
        "people_covered": "facegen.parts.metrics.people_covered:PeopleCovered",
        "preference": "facegen.parts.metrics.preference:Preference",
        "readings": "facegen.parts.metrics.readings:Readings",
        "retrieval": "facegen.parts.metrics.retrieval:Retrieval",
        "sharpness": "facegen.parts.metrics.sharpness:Sharpness",
        "verification": "facegen.parts.metrics.verification:Verification",
    }


@hookimpl
def facegen_executors() -> dict[str, str]:
    return {
        "processes": "facegen.parts.executors.processes:Processes",
        "serial": "facegen.parts.executors.serial:Serial",
    }


@hookimpl
def facegen_detectors() -> dict[str, str]:
    return {
        "haar": "facegen.parts.detectors.haar:Haar",
        "yunet": "facegen.parts.detectors.yunet:Yunet",
    }


@hookimpl
def facegen_loggers() -> dict[str, str]:
    return {
        "csv": "facegen.parts.loggers.csv:Csv",
        "tensorboard": "facegen.parts.loggers.tensorboard:Tensorboard",
    }


@hookimpl
def facegen_recognisers() -> dict[str, str]:
    return {
        "age_gender": "facegen.parts.recognisers.age_gender:AgeGender",
        "dlib_faces": "facegen.parts.recognisers.dlib_faces:DlibFaces",
        "resemblyzer": "facegen.parts.recognisers.resemblyzer:Resemblyzer",
    }
