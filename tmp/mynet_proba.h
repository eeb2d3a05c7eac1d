
#include <eml_net.h>
static const float mynet_layer_0_biases[10] = { 0.923417f, -0.097894f, 0.285639f, 0.588663f, 0.692902f, 0.402110f, -0.151649f, 0.406768f, 0.645585f, -0.017156f };
static const float mynet_layer_0_weights[160] = { -0.246195f, 0.283232f, 0.157856f, -0.054177f, -0.194831f, 0.273720f, -0.024351f, 0.180870f, 0.331372f, 0.054897f, 0.103937f, 0.097104f, -0.248586f, 0.308470f, -0.669619f, -0.275656f, -0.387605f, 0.200428f, 0.055667f, 0.414958f, 1.037857f, 0.474435f, 0.135565f, 0.448321f, -0.585633f, 0.288316f, -0.425408f, 0.185834f, -0.171337f, 0.255702f, -1.299265f, 0.030822f, -0.360693f, -0.500148f, 0.008010f, -0.227902f, -0.478293f, 0.670446f, 1.018668f, -0.160877f, -0.040375f, -0.086954f, 0.055064f, -0.398233f, 0.256958f, 0.063164f, -0.561272f, -0.144118f, 0.014351f, -0.009347f, 0.581460f, -0.144206f, 0.348412f, -0.176561f, -0.275196f, -0.410297f, 0.248289f, -0.119809f, -0.039703f, -0.157189f, -0.705778f, -0.346884f, 0.226988f, -0.085811f, -0.345621f, -0.125975f, 0.904726f, -0.149590f, 0.335907f, -0.699062f, -0.332913f, -0.047677f, 0.354079f, 0.196078f, 0.308694f, -0.461894f, -0.051911f, -0.205411f, -0.085761f, -0.695230f, 0.144319f, -0.076275f, -0.298590f, 0.311292f, -0.054543f, -0.121983f, 0.175766f, -0.615463f, -0.105210f, 0.488757f, 0.015512f, -0.051176f, 0.166177f, 0.292542f, -0.002362f, -0.827943f, -0.254741f, 0.125022f, 0.474298f, -0.582284f, 0.151798f, -0.222716f, 0.499315f, 0.420479f, -0.455813f, -0.044237f, 0.118817f, -0.125422f, -0.425430f, 0.581195f, -0.187967f, 0.258593f, 0.115260f, -0.291903f, 0.433578f, -0.103751f, 0.360979f, 0.099430f, 0.339907f, 0.190224f, -0.130840f, -0.027412f, 0.331908f, 0.326986f, 0.043749f, 0.045373f, -0.476580f, -0.131248f, 0.163085f, -0.439879f, 0.965003f, -0.174970f, -0.328851f, -0.356571f, 0.172058f, -0.040314f, -0.048093f, 0.477772f, 0.365093f, 0.177879f, 0.139111f, -0.018021f, -0.141783f, 0.768989f, 0.008786f, 0.207978f, -0.262583f, 0.258092f, -0.153368f, 0.529326f, -0.138137f, 0.079060f, -0.249861f, 0.537756f, -0.315122f, 0.363078f, 0.069560f, 0.171367f, 0.132403f, -0.313160f };
static const float mynet_layer_1_biases[1] = { -0.309797f };
static const float mynet_layer_1_weights[10] = { -0.744381f, -0.655824f, -0.480881f, -1.069424f, 0.663111f, -0.707886f, -0.587125f, 1.031427f, 0.783323f, -1.269490f };
static float mynet_buf1[16];
static float mynet_buf2[16];
static const EmlNetLayer mynet_layers[2] = { 
{ 10, 16, mynet_layer_0_weights, mynet_layer_0_biases, EmlNetActivationRelu }, 
{ 1, 10, mynet_layer_1_weights, mynet_layer_1_biases, EmlNetActivationLogistic } };
static EmlNet mynet = { 2, mynet_layers, mynet_buf1, mynet_buf2, 16 };

    int32_t
    mynet_predict(const float *features, int32_t n_features)
    {
        return eml_net_predict(&mynet, features, n_features);
    }
    

    int32_t
    mynet_regress(const float *features, int32_t n_features, float *out, int32_t out_length)
    {
        return eml_net_regress(&mynet, features, n_features, out, out_length);
    }
    

    float
    mynet_regress1(const float *features, int32_t n_features)
    {
        return eml_net_regress1(&mynet, features, n_features);
    }
    